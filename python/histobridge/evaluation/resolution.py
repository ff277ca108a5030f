"""Benchmark resolution systems against expression measured on a finer scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, graphs, registry
from histobridge.contract import ContractError
from histobridge.evaluation import metrics
from histobridge.evaluation.cost import Energy
from histobridge.evaluation.execution import Execution
from histobridge.evaluation.problem import Fold, Part, Problem, Score
from histobridge.evaluation.result import ALL, Benchmark
from histobridge.evaluation.runner import run
from histobridge.evaluation.tidy import finish
from histobridge.parallel import Progress
from histobridge.resolution.grid import MICRONS
from histobridge.resolution.problem import Problem as Section
from histobridge.resolution.problem import conserve
from histobridge.resolution.verbs import GENES, prepare
from histobridge.splits import Splitter

if TYPE_CHECKING:
    from anndata import AnnData

PROTOCOL = "pseudo-spots"
_REACH = 0.75
_SIDE = 1.6


@dataclasses.dataclass(frozen=True)
class Maps:
    """Estimated and true expression (n_points, n_genes) of one section.

    Attributes
    ----------
    section
        What the system was given.
    grid
        (n_points, 2) microns.
    """

    guess: np.ndarray
    truth: np.ndarray
    section: Section
    grid: np.ndarray

    @cached_property
    def held(self) -> np.ndarray:
        """Mask of the points inside a spot, (n_points,)."""
        return np.asarray(self.section.member.sum(axis=0)).ravel() > 0

    @cached_property
    def by_gene(self) -> dict[str, np.ndarray]:
        """Metric -> (n_genes,)."""
        free = between_spots(self.section.spots, self.section.points) & ~self.held
        held = self.held
        return {
            "pearson_gap": metrics.pearson_columns(self.guess[free], self.truth[free]),
            "pearson_inside": metrics.pearson_columns(
                self.guess[held], self.truth[held]
            ),
            "ssim_windowed": _map_similarity(self.guess, self.truth, self.grid),
        }


def _over_genes(name: str) -> Score:
    return lambda maps: maps.by_gene[name].mean()


def _wrongly_summed(maps: Maps) -> float:
    section = maps.section
    return metrics.aggregation_error(maps.guess, section.counts, section.member)


class Resolution(Problem):
    """Estimate expression on a grid finer than the spots.

    Parameters
    ----------
    truth
        What the spots were made of.
    pixel_microns, spot_microns, genes, encoders, cache
        See ``enhance_resolution``.
    seed
        Of the resampling of genes.
    """

    task = "resolution"
    headline = ("pearson_gap", "pearson_inside", "ssim_windowed", "aggregation_error")
    scores: Mapping[str, Score] = {
        **{name: _over_genes(name) for name in headline[:3]},
        headline[3]: _wrongly_summed,
    }

    def __init__(
        self,
        adata: AnnData,
        *,
        truth: AnnData,
        pixel_microns: float | None = None,
        spot_microns: float | None = None,
        genes: int | Sequence[str] = GENES,
        encoders: Sequence[str] = ("colour",),
        cache: str | Path | bool = True,
        seed: int = 0,
    ):
        super().__init__(adata)
        self.fine, columns, self.sections = prepare(
            adata, pixel_microns, spot_microns, genes, encoders, cache
        )
        self.known = _binned(truth, self.fine, adata.var_names[columns])
        self.seed = seed

    def chosen(self, asked: Sequence[str] | str | None) -> list[registry.System]:
        """Published image systems only where there is an image, or if named."""
        entries = registry.chosen(self.task, asked, self.fine)
        named = {asked} if isinstance(asked, str) else set(asked or ())
        if self.sections[0].features is not None or named - {"all"}:
            return entries
        return [e for e in entries if e.status != "published" or "image" not in e.needs]

    def folds(self, splitter: Splitter | None, protocol: str) -> list[Fold]:
        """All spots: nothing is trained on, and a part of a lattice has other gaps.

        Raises
        ------
        ContractError
            For any splitter.
        """
        if splitter is not None:
            raise ContractError("no splitter: all spots are refined", splitter)
        none, every = np.empty(0, dtype=int), np.arange(self.adata.n_obs)
        return [Fold(protocol, ALL, none, every)]

    def answer(self, model: Any, fold: Fold, needs: Sequence[str]) -> np.ndarray:
        """Expected counts (n_points, n_genes), section by section."""
        seen = self.sections
        if "image" not in needs:
            seen = [dataclasses.replace(one, features=None) for one in seen]
        guesses = [model.fit_predict(one) for one in seen]
        pairs = zip(guesses, self.sections, strict=True)
        return np.concatenate([conserve(guess, one) for guess, one in pairs])

    def parts(self, fold: Fold, answer: np.ndarray) -> Iterator[Part]:
        """Every section."""
        spots = contract.sections(self.adata)
        places = contract.sections(self.fine).items()
        start = 0
        for (name, points), one in zip(places, self.sections, strict=True):
            guess = answer[start : start + len(points)]
            start += len(points)
            grid = self.fine.obsm[MICRONS][points]
            yield Part(name, spots[name], Maps(guess, self.known[points], one, grid))

    def weights(self, part: Part, replicates: int) -> np.ndarray:
        """Genes drawn by themselves, the same in every section."""
        n = self.known.shape[1]
        draws = np.random.default_rng(self.seed).integers(n, size=(replicates, n))
        return np.stack([np.bincount(draw, minlength=n) for draw in draws])

    def replicates(
        self, part: Part, weights: np.ndarray, names: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Means over genes as often as each row of ``weights`` says."""
        values = part.content.by_gene
        total = weights.sum(axis=1)
        return {n: weights @ values[n] / total for n in names if n in values}

    def facts(self) -> list[Any]:
        """Truth, what systems are given, and resampling."""
        return [self.known, [vars(one) for one in self.sections], self.seed]


def benchmark_resolution(
    adata: AnnData,
    truth: AnnData,
    *,
    systems: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    pixel_microns: float | None = None,
    spot_microns: float | None = None,
    genes: int | Sequence[str] = GENES,
    encoders: Sequence[str] = ("colour",),
    cache: str | Path | bool = True,
    dataset: str = "data",
    n_bootstrap: int = 500,
    seed: int = 0,
    seeds: int = 1,
    folder: str | Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    energy: Energy = "estimate",
    progress: Progress = True,
) -> Benchmark:
    """Score expression between and within spots beside interpolation and controls.

    Parameters
    ----------
    adata
        Spots, e.g. of ``data.pseudo_spots``.
    truth
        What they were made of: cells or finer spots with counts, positions, sections
        and the genes of ``adata``. Only the scores see it.
    systems
        Names, or name -> parameters; baselines always run. Image baselines are left
        out where a section has no image, and so are published image systems unless
        they are named.
    pixel_microns, spot_microns, genes, encoders, cache
        See ``enhance_resolution``.
    dataset
        Name of the data in the table.
    n_bootstrap
        Resamples of genes.
    seed, seeds
        First seed of the systems and how many; the median is reported.
    folder, workers, cluster, energy, progress
        See :func:`benchmark`.

    Returns
    -------
    Benchmark with metrics, means over genes with bounds by resampling genes:
    ``pearson_gap`` (headline; points between spots, which no spot measured, and not
    beyond the outermost, where an image may tell tissue from glass),
    ``pearson_inside``, ``ssim_windowed`` (maps of both); and without bounds
    ``aggregation_error``, the share of all counts that the points of a spot sum up
    wrongly.

    Raises
    ------
    ContractError
        No truth for the genes of ``adata``; see ``enhance_resolution``.

    Examples
    --------
    >>> import histobridge as hb
    >>> tiles = hb.data.simulate_tissue(
    ...     1, spots_per_side=16, n_genes=10, pitch_microns=50, spot_microns=50
    ... )
    >>> spots, _ = hb.data.pseudo_spots(
    ...     tiles, pitch_microns=200, diameter_microns=110, labels=None
    ... )
    >>> scores = hb.benchmark_resolution(
    ...     spots, tiles, pixel_microns=50, n_bootstrap=20, cache=False, progress=False
    ... )
    >>> scores.headline[0]
    'pearson_gap'
    """
    problem = Resolution(
        adata,
        truth=truth,
        pixel_microns=pixel_microns,
        spot_microns=spot_microns,
        genes=genes,
        encoders=encoders,
        cache=cache,
        seed=seed,
    )
    folds = problem.folds(None, PROTOCOL)
    scored = run(
        {dataset: problem},
        {dataset: folds},
        systems,
        None,
        range(seed, seed + seeds),
        n_bootstrap=n_bootstrap,
        execution=Execution(folder, workers, cluster, energy, progress),
    )[dataset]
    settings = {"pixel_microns": pixel_microns, "spot_microns": spot_microns}
    return finish(problem, dataset, scored, folds, settings | {"seed": seed})


def _binned(truth: AnnData, fine: AnnData, genes: pd.Index) -> np.ndarray:
    """Counts of ``truth`` summed into the grid cells (n_points, n_genes)."""
    columns = truth.var_names.get_indexer(genes)
    if (columns < 0).any():
        raise ContractError(
            "every gene of the spots in the truth",
            f"{int((columns < 0).sum())} absent",
            truth.var_names,
        )
    counts = sp.csr_matrix(contract.counts(truth), dtype=float)[:, columns]
    places = graphs.positions_microns(truth)
    own, total = contract.sections(truth), np.zeros((fine.n_obs, len(columns)))
    for section, points in contract.sections(fine).items():
        if section not in own:
            raise ContractError("every section in the truth", repr(section), own)
        grid = fine.obsm[MICRONS][points]
        distance, cell = graphs.nearest(grid, 1, places[own[section]])
        near = distance[:, 0] <= _REACH * graphs.pitch(grid)
        rows = np.flatnonzero(near)
        member = sp.csr_matrix(
            (np.ones(len(rows)), (cell[rows, 0], rows)), (len(grid), len(near))
        )
        total[points] = (member @ counts[own[section]]).toarray()
    return total


def between_spots(spots: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Mask of the points in a triangle of neighbouring spots, (n_points,)."""
    from scipy.spatial import Delaunay

    mesh = Delaunay(spots)
    corners = spots[mesh.simplices]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    triangle = mesh.find_simplex(points)
    return (triangle >= 0) & (longest <= _SIDE * graphs.pitch(spots))[triangle]


def _map_similarity(mine: np.ndarray, true: np.ndarray, grid: np.ndarray) -> np.ndarray:
    found = []
    for gene in range(mine.shape[1]):
        first, mask = metrics.rasterise(grid, mine[:, gene])
        second, _ = metrics.rasterise(grid, true[:, gene])
        found.append(metrics.ssim_windowed(first, second, mask))
    return np.array(found)
