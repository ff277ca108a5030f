"""Intervals that hold what they promise on spots simulated from the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution import outputs
from histobridge.deconvolution.signatures import Signatures, with_background

if TYPE_CHECKING:
    from histobridge.deconvolution.gamma_poisson import Posterior
    from histobridge.deconvolution.poisson import PoissonDeconvolver

ENOUGH = 1000
CELLS = (4, 30)


def spread_factor(
    model: PoissonDeconvolver,
    values: np.ndarray,
    fit: Posterior,
    counts: sp.csr_matrix,
    signatures: Signatures,
    average: sp.csr_matrix | None,
) -> float:
    """How many posterior deviations hold ``model.level`` of the truths.

    A posterior knows counting noise, not that cells of a type differ. So real cells
    of the reference are drawn with the estimated composition of every spot, scaled by
    the platform factors, thinned to its depth and deconvolved in the same way, with
    signatures of *other* cells; the factor is the quantile of the error in units of
    the deviation. Where spots differ from sums of reference cells the coverage falls
    short: ``coverage_90`` in dev/benchmarks/results/deconvolution.csv.
    """
    rng = np.random.default_rng(model.seed)
    rows = np.arange(len(values))
    if len(rows) > ENOUGH:
        rows = np.sort(rng.choice(rows, ENOUGH, replace=False))
    half = _half(signatures.codes, rng)
    depth = np.asarray(counts.sum(axis=1)).ravel()[rows]
    simulated, truth = simulate(
        signatures, half, values[rows], depth, fit.factor, model.cells, rng
    )
    profiles = with_background(_profiles(signatures, ~half), model.background)
    whole = rows if average is None else average[rows][:, rows]
    again = model.fit(
        simulated, profiles, None if average is None else whole, fit.factor
    )
    sizes = signatures.sizes if model.cells else None
    estimate = outputs.shares(again.mean, sizes)
    deviation = np.sqrt(outputs.share_variance(again.mean, again.variance, sizes))
    error = np.abs(estimate - truth) / np.maximum(deviation, 1e-12)
    return float(np.quantile(error, model.level))


def simulate(
    signatures: Signatures,
    pool: np.ndarray,
    shares: np.ndarray,
    depth: np.ndarray,
    factor: np.ndarray,
    cells: bool,
    rng: np.random.Generator,
) -> tuple[sp.csr_matrix, np.ndarray]:
    """Spots of real cells of ``pool`` with given expected shares, and their truth.

    Parameters
    ----------
    pool
        (n_cells,) mask of the cells to draw from.
    shares
        (n, n_types) expected composition.
    depth
        (n,) counts to thin to; cells per spot follow from the depth of a cell.
    factor
        (n_genes,) platform factors.

    Returns
    -------
    counts (n, n_genes) and realised shares (n, n_types), of cells or of RNA.
    """
    n, k = shares.shape
    per_cell = np.median(signatures.depth)
    size = np.clip(np.round(depth / per_cell), *CELLS).astype(int)
    spot = np.repeat(np.arange(n), size)
    edge = np.cumsum(shares, axis=1) / shares.sum(axis=1, keepdims=True)
    kind = (rng.random(len(spot))[:, None] > edge[spot]).sum(axis=1).clip(max=k - 1)
    drawn = np.empty(len(spot), dtype=int)
    for code in range(k):
        mine = kind == code
        drawn[mine] = rng.choice(
            np.flatnonzero(pool & (signatures.codes == code)), mine.sum()
        )
    weight = np.ones(len(spot)) if cells else signatures.depth[drawn]
    truth = sp.csr_matrix((weight, (spot, kind)), (n, k)).toarray()
    member = sp.csr_matrix((np.ones(len(spot)), (spot, np.arange(len(spot)))))
    mean = (member @ signatures.cells[drawn]).multiply(factor).tocsr()
    total = np.maximum(np.asarray(mean.sum(axis=1)).ravel(), 1.0)
    keep = np.minimum(depth / total, 1.0)
    mean.data = rng.binomial(
        np.floor(mean.data + rng.random(mean.nnz)).astype(int),
        np.repeat(keep, np.diff(mean.indptr)),
    ).astype(float)
    return mean, truth / truth.sum(axis=1, keepdims=True)


def _half(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Half of the cells of every type; of a single cell, the cell on both sides."""
    half = np.zeros(len(codes), dtype=bool)
    for code in np.unique(codes):
        mine = rng.permutation(np.flatnonzero(codes == code))
        half[mine[: (len(mine) + 1) // 2]] = True
    return half


def _profiles(signatures: Signatures, cells: np.ndarray) -> np.ndarray:
    """Pooled profiles of some of the cells; of all where a type has none of them."""
    chosen = signatures.members() @ sp.diags(cells.astype(float))
    pooled = (chosen @ signatures.cells).toarray().T
    total = pooled.sum(axis=0)
    return np.where(total > 0, pooled / np.maximum(total, 1e-12), signatures.profiles)
