"""Tiles with a halo: training on more spots than memory holds at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True)
class Tile:
    """Part of a graph that sees all a network needs for its core.

    Attributes
    ----------
    spots
        Positions of core and halo in the whole, core first.
    n_core
        How many of them are core.
    graph
        Their induced graph.
    """

    spots: np.ndarray
    n_core: int
    graph: sp.csr_matrix


def tiles(
    graph: sp.csr_matrix,
    points: np.ndarray,
    sections: np.ndarray,
    *,
    size: int = 20_000,
    halo: int = 2,
) -> Iterator[Tile]:
    """Cut every section into tiles of at most ``size`` core spots.

    Every spot is core of exactly one tile; the halo holds what is within ``halo``
    steps of the core, so a network of that many graph layers gives the core what
    it gives it in the whole graph.

    Parameters
    ----------
    graph
        (n, n) the graph the network passes messages on.
    points, sections
        (n, 2) positions and (n,) section codes.
    """
    for section in np.unique(sections):
        for core in _halves(points, np.flatnonzero(sections == section), size):
            yield _with_halo(graph, core, halo)


def _halves(points: np.ndarray, spots: np.ndarray, size: int) -> Iterator[np.ndarray]:
    if len(spots) <= size:
        yield spots
        return
    axis = int(np.ptp(points[spots], axis=0).argmax())
    order = spots[np.argsort(points[spots, axis], kind="stable")]
    middle = len(order) // 2
    yield from _halves(points, np.sort(order[:middle]), size)
    yield from _halves(points, np.sort(order[middle:]), size)


def _with_halo(graph: sp.csr_matrix, core: np.ndarray, halo: int) -> Tile:
    inside = np.zeros(graph.shape[0], dtype=bool)
    inside[core] = True
    rim = core
    around = []
    for _ in range(halo):
        reached = np.unique(graph[rim].indices)
        rim = reached[~inside[reached]]
        inside[rim] = True
        around.append(rim)
    spots = np.concatenate([core, *around])
    return Tile(spots, len(core), graph[spots][:, spots].tocsr())
