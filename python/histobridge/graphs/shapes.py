"""Graphs by geometry: radius, lattice rings, Delaunay, alpha complex."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from histobridge.contract import ContractError
from histobridge.graphs.edges import per_section
from histobridge.graphs.neighbours import pitch


def radius_graph(
    points: np.ndarray, sections: np.ndarray, radius: float
) -> sp.csr_matrix:
    """Undirected graph (n, n) of all pairs within ``radius``, in units of points.

    Raises
    ------
    ContractError
        When the radius reaches more than 500 neighbours on average: such a graph
        is no longer sparse.
    """
    from scipy.spatial import cKDTree

    def edges(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        tree = cKDTree(part)
        # Counting first: a radius far too large would fill the memory with pairs.
        probe = part[:: max(1, len(part) // 500)]
        mean = float(np.mean(tree.query_ball_point(probe, radius, return_length=True)))
        if mean > 500:
            raise ContractError(
                "a radius that reaches at most 500 neighbours",
                f"{mean:.0f} on average within {radius:g}",
            )
        pairs = tree.query_pairs(radius, output_type="ndarray")
        return pairs[:, 0], pairs[:, 1]

    return per_section(points, sections, edges)


def ring_graph(
    points: np.ndarray, sections: np.ndarray, rings: int = 1
) -> sp.csr_matrix:
    """Undirected graph of lattice neighbours up to ``rings`` steps away.

    The lattice is recognised per section (:func:`lattice_rings`): 6 neighbours per
    ring on a hexagonal one, 4 on a square one; an edge or a hole has fewer, where
    a kNN graph would reach across.
    """

    def edges(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from scipy.spatial import cKDTree

        if len(part) < 2:
            return np.empty(0, int), np.empty(0, int)
        # Between the first ring and the second (sqrt 2 or sqrt 3 pitches away).
        reach = 1.2 if lattice_rings(part) == 4 else 1.35
        pairs = cKDTree(part).query_pairs(reach * pitch(part), output_type="ndarray")
        return pairs[:, 0], pairs[:, 1]

    first = per_section(points, sections, edges)
    graph = first
    for _ in range(rings - 1):
        graph = graph + graph @ first
        graph.setdiag(0)
        graph.eliminate_zeros()
        graph.data[:] = 1.0
    return graph.tocsr()


def lattice_rings(points: np.ndarray) -> int:
    """Neighbours in the first ring: 6 on a hexagonal lattice, 4 on a square one.

    Counted within 1.2 pitches: on a square lattice half of the spots or more see
    three, holes and jitter included, and the typical (90th percentile) spot its whole
    ring. Points that lie on no lattice see fewer and count as hexagonal.
    """
    from scipy.spatial import cKDTree

    found = cKDTree(points).query_ball_point(
        points, 1.2 * pitch(points), return_length=True
    )
    typical, whole = np.percentile(found - 1, (50, 90)) if len(points) else (0, 0)
    return 4 if typical >= 3 and whole <= 4 else 6


def delaunay_graph(
    points: np.ndarray, sections: np.ndarray, longest: float = 99.0
) -> sp.csr_matrix:
    """Delaunay graph without edges longer than the ``longest`` percentile.

    Source: CellCharter (Varrone et al. 2024, Nat Genet 56:74), which drops links
    above the 99th percentile because they bridge holes and borders.
    """

    def edges(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = _triangulation_edges(part)
        if not len(rows):
            return rows, columns
        length = np.linalg.norm(part[rows] - part[columns], axis=1)
        keep = length <= np.percentile(length, longest)
        return rows[keep], columns[keep]

    return per_section(points, sections, edges)


def alpha_graph(
    points: np.ndarray, sections: np.ndarray, alpha: float | None = None
) -> sp.csr_matrix:
    """Edges of the alpha complex: Delaunay edges whose ball of radius alpha is empty.

    ``alpha`` is a radius in units of ``points``; by default the median distance
    to the nearest neighbour, close to SpaceFlow's choice (Ren et al. 2022, Nat Commun
    13:4076).
    """

    def edges(part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows, columns, radius = _edge_radii(part)
        reach = alpha if alpha is not None else pitch(part)
        keep = radius <= reach * (1 + 1e-9)
        return rows[keep], columns[keep]

    return per_section(points, sections, edges)


def _simplices(points: np.ndarray) -> np.ndarray:
    from scipy.spatial import Delaunay, QhullError

    try:
        return Delaunay(points).simplices
    except (QhullError, ValueError):
        # Fewer than three points, or all on one line: the line itself.
        return np.empty((0, 3), dtype=int)


def _line_edges(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.lexsort(points.T)
    return order[:-1], order[1:]


def _triangulation_edges(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    simplices = _simplices(points)
    if not len(simplices):
        return _line_edges(points)
    pairs = np.concatenate([simplices[:, [0, 1]], simplices[:, [1, 2]]])
    pairs = np.sort(np.concatenate([pairs, simplices[:, [0, 2]]]), axis=1)
    pairs = np.unique(pairs, axis=0)
    return pairs[:, 0], pairs[:, 1]


def _edge_radii(
    points: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Delaunay edges and the alpha at which each enters the complex.

    An edge enters at half its length when no third corner lies in its diametral
    disc, else with the smaller circumscribed circle of its triangles.
    """
    simplices = _simplices(points)
    if not len(simplices):
        rows, columns = _line_edges(points)
        return rows, columns, np.linalg.norm(points[rows] - points[columns], axis=1) / 2
    a, b, c = (points[simplices[:, i]] for i in range(3))
    u, v = b - a, c - a
    area = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
    sides = [np.linalg.norm(x - y, axis=1) for x, y in ((b, c), (a, c), (a, b))]
    circle = sides[0] * sides[1] * sides[2] / np.maximum(4 * area, 1e-300)
    corners = [(1, 2), (0, 2), (0, 1)]
    pairs, blocked = [], []
    for i, (j, k) in enumerate(corners):
        pairs.append(np.sort(simplices[:, [j, k]], axis=1))
        blocked.append(sides[i] ** 2 > sides[j] ** 2 + sides[k] ** 2)
    names, inverse = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    # Blocked by either triangle, an edge waits for the smaller of its circles.
    waits = np.zeros(len(names), dtype=bool)
    np.logical_or.at(waits, inverse, np.concatenate(blocked))
    circles = np.full(len(names), np.inf)
    np.minimum.at(circles, inverse, np.tile(circle, 3))
    length = np.linalg.norm(points[names[:, 0]] - points[names[:, 1]], axis=1)
    return names[:, 0], names[:, 1], np.where(waits, circles, length / 2)
