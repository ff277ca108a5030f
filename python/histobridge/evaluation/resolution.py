"""Benchmark resolution systems against expression measured on a finer scale."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from histobridge import contract, graphs, registry
from histobridge.contract import ContractError
from histobridge.evaluation import metrics
from histobridge.evaluation.cost import peak_mb
from histobridge.evaluation.result import ALL, Benchmark, interval, tidy
from histobridge.resolution.grid import MICRONS, SPOT
from histobridge.resolution.problem import Problem, conserve
from histobridge.resolution.verbs import GENES, prepare

if TYPE_CHECKING:
    from anndata import AnnData

import pandas as pd

_REACH = 0.75
_SIDE = 1.6


def benchmark_resolution(
    adata: AnnData,
    truth: AnnData,
    *,
    systems: Sequence[str] | None = None,
    pixel_microns: float | None = None,
    spot_microns: float | None = None,
    genes: int | Sequence[str] = GENES,
    encoders: Sequence[str] = ("colour",),
    dataset: str = "data",
    n_bootstrap: int = 500,
    cache: str | Path | bool = True,
    seed: int = 0,
    progress: bool = True,
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
        As in the other benchmarks; baselines always run. Image baselines are left
        out where a section has no image, and so are published image systems unless
        they are named.
    pixel_microns, spot_microns, genes, encoders, cache
        See ``enhance_resolution``.
    dataset
        Name of the data in the table.
    n_bootstrap
        Resamples of genes.
    seed
        Of the systems and of the resampling.

    Returns
    -------
    Benchmark with metrics, means over genes with bounds by resampling genes:
    ``pearson_gap`` (headline; points between spots, which no spot measured, and not
    beyond the outermost, where an image may tell tissue from glass),
    ``pearson_inside``, ``ssim_windowed`` (maps of both) and ``aggregation_error``,
    the share of all counts that the points of a spot sum up wrongly.

    Raises
    ------
    ContractError
        No truth for the genes of ``adata``; see ``enhance_resolution``.
    """
    from tqdm.auto import tqdm

    fine, columns, problems = prepare(
        adata, pixel_microns, spot_microns, genes, encoders, cache
    )
    known = _binned(truth, fine, adata.var_names[columns])
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(columns), size=(n_bootstrap, len(columns)))
    rows: list[dict[str, Any]] = []
    bar = tqdm(
        _entries(systems, fine, problems),
        desc="resolution",
        disable=not progress,
        leave=False,
    )
    for entry in bar:
        facts = {"dataset": dataset, "protocol": "pseudo-spots", "fold": ALL}
        kept, cost = _guessed(entry, problems, seed)
        for metric, values in _scores(kept, known, fine, problems).items():
            value = float(values.mean())
            low, high = interval(values[draws % len(values)].mean(axis=1), value)
            score = {"metric": metric, "value": value, "lower": low, "upper": high}
            rows.append({**facts, **cost, **score, "n": len(values)})
    return Benchmark(
        "resolution",
        tidy(rows),
        pd.DataFrame(),
        ("pearson_gap", "pearson_inside", "ssim_windowed", "aggregation_error"),
        {"pixel_microns": pixel_microns, "spot_microns": spot_microns, "seed": seed},
    )


def _entries(
    systems: Sequence[str] | None, fine: AnnData, problems: list
) -> list[registry.System]:
    entries = registry.chosen("resolution", systems, fine)
    named = {systems} if isinstance(systems, str) else set(systems or ())
    if problems[0].features is not None or named - {"all"}:
        return entries
    return [e for e in entries if e.status != "published" or "image" not in e.needs]


def _guessed(
    entry: registry.System, problems: list[Problem], seed: int
) -> tuple[list[np.ndarray], dict[str, Any]]:
    """What the system says of every section, and what it cost."""
    started = time.perf_counter()
    seen = problems
    if "image" not in entry.needs:
        seen = [dataclasses.replace(p, features=None) for p in problems]
    guesses = [entry.create(seed=seed).fit_predict(p) for p in seen]
    kept = [conserve(g, p) for g, p in zip(guesses, problems, strict=True)]
    seconds = time.perf_counter() - started
    cost = {"system": entry.name, "status": entry.status, "seconds": seconds}
    return kept, {**cost, "peak_mb": peak_mb()}


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


def _scores(
    kept: list[np.ndarray], known: np.ndarray, fine: AnnData, problems: list
) -> dict[str, np.ndarray]:
    """Metric -> one value per gene (averaged over sections), or per section."""
    sums = [
        metrics.aggregation_error(g, p.counts, p.member)
        for g, p in zip(kept, problems, strict=True)
    ]
    guess = np.concatenate(kept)
    gap, inside, similar = [], [], []
    parts = contract.sections(fine).values()
    for points, problem in zip(parts, problems, strict=True):
        held = fine.obs[SPOT].iloc[points].notna().to_numpy()
        free = ~held & between_spots(problem.spots, problem.points)
        mine, true = guess[points], known[points]
        gap.append(metrics.pearson_columns(mine[free], true[free]))
        inside.append(metrics.pearson_columns(mine[held], true[held]))
        similar.append(_map_similarity(mine, true, fine.obsm[MICRONS][points]))
    return {
        "pearson_gap": np.mean(gap, axis=0),
        "pearson_inside": np.mean(inside, axis=0),
        "ssim_windowed": np.mean(similar, axis=0),
        "aggregation_error": np.array(sums),
    }


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
