"""rctd: Poisson mixture with platform effects and heavy-tailed noise of log rates.

Cable et al. 2022, Nat Biotechnol 40:517; modes full, doublet and multi with the
defaults of spacexr. Proportions are normalised weights, i.e. of RNA, as there.
Corrected: no spot is dropped for few counts and no type for few cells (published:
fewer than 100 counts, 25 cells; ``as_published=True`` drops such spots, with missing
values); counts that are not whole numbers are refused by the contract instead of
failing in the eigen decomposition. Tables of the likelihood are computed, not shipped.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np
import scipy.sparse as sp

from histobridge import contract
from histobridge.contract import ContractError
from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.genes import specific
from histobridge.deconvolution.heavy_tail import LARGEST_COUNT, HeavyTail, heavy_tail
from histobridge.deconvolution.mixtures_of_few import FewTypes, doublets, greedy
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.platform import bulk_composition, bulk_factor
from histobridge.deconvolution.robust_newton import robust_weights
from histobridge.deconvolution.signatures import Signatures
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


class Sample(TypedDict):
    """What :func:`choose_sigma` reads at most."""

    most_spots: int
    most: int


MODES = ("full", "doublet", "multi")
SIGMAS = tuple([*range(10, 71), *range(72, 201, 2)])
"""Hundredths, the grid of spacexr."""
FEWEST, FEWEST_SIGMA, FEWEST_CELLS = 100, 300, 2
FEWEST_BULK = 10
PUBLISHED_SAMPLE: Sample = {"most_spots": 1000, "most": 1_000_000}
SAMPLE: Sample = {"most_spots": 200, "most": 100_000}
"""A tenth of the entries fixes one number as well."""
BULK, REGRESSION = (0.5, 1.25e-4), (0.75, 2e-4)


def platform_profiles(
    counts: sp.csr_matrix, depth: np.ndarray, signatures: Signatures
) -> tuple[np.ndarray, np.ndarray]:
    """Genes of the regression and their profiles on the platform of the spots."""
    mean = _rich_cells(signatures).mean_shares()
    bulk = np.asarray(counts.sum(axis=0)).ravel()
    mitochondrial = signatures.genes.str.lower().str.startswith("mt-")
    wide = specific(mean, *BULK, bulk) & ~mitochondrial
    narrow = specific(mean, *REGRESSION, bulk) & wide
    if min(wide.sum(), narrow.sum()) < mean.shape[1]:
        wide = narrow = (bulk >= 3) & ~mitochondrial
    total = depth.sum()
    seen = wide & (bulk >= FEWEST_BULK)
    seen = seen if seen.sum() >= mean.shape[1] else wide
    composition = bulk_composition(bulk[seen], mean[seen] * total)
    factor = bulk_factor(bulk[narrow], total, mean[narrow], composition)
    return np.flatnonzero(narrow), mean[narrow] * factor[:, None]


def _rich_cells(signatures: Signatures) -> Signatures:
    """Without cells of few counts, except of types that would keep too few."""
    rich = signatures.depth >= FEWEST
    left = np.bincount(signatures.codes[rich], minlength=len(signatures.types))
    kept = np.flatnonzero(rich | (left < FEWEST_CELLS)[signatures.codes])
    return replace(
        signatures,
        cells=signatures.cells[kept],
        codes=signatures.codes[kept],
        depth=signatures.depth[kept],
        donors=signatures.donors[kept],
    )


def choose_sigma(
    counts: np.ndarray,
    profiles: np.ndarray,
    depth: np.ndarray,
    largest: int,
    seed: int,
    *,
    most_spots: int,
    most: int,
    epochs: int = 8,
) -> int:
    """Noise scale in hundredths: weights and scale in turn until the scale stays.

    Parameters
    ----------
    most_spots, most
        Spots, and entries of their counts, that are read at random.
    """
    rng = np.random.default_rng(seed)
    spots = np.flatnonzero(depth > FEWEST_SIGMA)
    spots = spots if spots.size else np.arange(len(depth))
    if len(spots) > most_spots:
        spots = np.sort(rng.choice(spots, most_spots, replace=False))
    y, n = counts[spots], depth[spots]
    sigma = 100
    for _ in range(epochs):
        weights, _, _ = robust_weights(y, profiles, n, heavy_tail(sigma / 100, largest))
        mean = (n[:, None] * (weights @ profiles.T)).ravel()
        entry: slice | np.ndarray = slice(None)
        if mean.size > most:
            entry = rng.choice(mean.size, most, replace=False)
        place = SIGMAS.index(sigma)
        near = SIGMAS[max(0, place - 8) : place + 9]
        best = min(near, key=_misfit(y.ravel()[entry], mean[entry], largest))
        if best == sigma:
            break
        sigma = best
    return sigma


def _misfit(y: np.ndarray, mean: np.ndarray, largest: int):
    def of(sigma: int) -> float:
        likelihood: HeavyTail = heavy_tail(sigma / 100, largest)
        losses = [
            -likelihood(y, np.maximum(mean * f, 1e-4))[0].sum()
            for f in (0.8, 0.9, 1.0, 1.1, 1.2)
        ]
        return float(min(losses))

    return of


@system(
    "rctd",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Cable et al. 2022, Nat Biotechnol 40:517",
    evidence="dev/benchmarks/results/deconvolution_parity.csv",
)
@deconvolver
def rctd(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    mode: str = "full",
    sigma: float | None = None,
    confidence: float = 5.0,
    threshold: float = 20.0,
    most_types: int = 4,
    as_published: bool = False,
    seed: int = 0,
) -> Estimate:
    """Poisson mixture with platform effects and heavy-tailed noise.

    Platform effect, noise scale, weights; then sets of few types where asked.
    """
    if mode not in MODES:
        raise ContractError("a mode of rctd", repr(mode), MODES)
    depth = np.maximum(contract.depth(adata), 1.0)
    rich = depth >= FEWEST
    rich = rich if rich.any() else np.ones_like(rich)
    genes, profiles = platform_profiles(counts[rich], depth[rich], signatures)
    y = counts[:, genes].toarray()
    largest = int(min(LARGEST_COUNT, 2 ** np.ceil(np.log2(max(y.max(), 4)))))
    if sigma is None:
        sample = PUBLISHED_SAMPLE if as_published else SAMPLE
        best = choose_sigma(y[rich], profiles, depth[rich], largest, seed, **sample)
        sigma = best / 100
    sigma = round(sigma, 2)
    likelihood = heavy_tail(sigma, largest)
    found, _, converged = robust_weights(y, profiles, depth, likelihood)
    spots: dict[str, np.ndarray] = {"converged": converged.astype(float)}
    few = FewTypes(y, profiles, depth, likelihood)
    if mode == "multi":
        found = greedy(few, found, most_types, threshold)
    elif mode == "doublet":
        found, facts = doublets(few, found, confidence, threshold)
        types = np.array(signatures.types)
        facts |= {f: types[facts[f]] for f in ("first_type", "second_type")}
        spots |= facts
    values = shares(found)
    if as_published:
        values[~rich] = np.nan
    return Estimate(values, spots, settings={"sigma": sigma})
