"""Positions, nearest neighbours, and what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import contract, keys

if TYPE_CHECKING:
    from anndata import AnnData

SHELL = 12
"""Points at one distance of a point of a plane lattice, near ones."""
TIE = 1e-6
"""Relative difference of distances that are one distance, rounded."""


def positions_microns(adata: AnnData) -> np.ndarray:
    """Spot centres (n, 2) in microns; in pixels where no scale is known.

    Neighbour graphs only compare distances within a section, so an unknown scale
    does not change them.

    Raises
    ------
    ContractError
        When a scale is stated that is no positive number.
    """
    points = contract.coordinates(adata).copy()
    libraries = adata.uns.get(keys.SPATIAL, {})
    for section, spots in contract.sections(adata).items():
        factors = libraries.get(section, {}).get(keys.SCALE_FACTORS, {})
        if factors.get(keys.MICRONS_PER_PIXEL) is not None:
            points[spots] *= contract.microns_per_pixel(adata, section)
    return points


def has_microns(adata: AnnData) -> bool:
    """Whether every section states its microns per pixel."""
    libraries = adata.uns.get(keys.SPATIAL, {})
    return all(
        libraries.get(section, {})
        .get(keys.SCALE_FACTORS, {})
        .get(keys.MICRONS_PER_PIXEL)
        for section in contract.sections(adata)
    )


def pitch(points: np.ndarray) -> float:
    """Median distance of a spot to its nearest neighbour, in units of ``points``."""
    if len(points) < 2:
        return 1.0
    distance, _ = nearest(points, 1)
    positive = distance[distance > 0]
    return float(np.median(positive)) if positive.size else 1.0


def nearest(
    points: np.ndarray,
    k: int,
    queries: np.ndarray | None = None,
    metric: str = "euclidean",
) -> tuple[np.ndarray, np.ndarray]:
    """Distances and positions (n, k) of the k nearest points.

    Without ``queries`` a point is not its own neighbour. ``k`` is cut to the number
    of other points; ``metric`` is one of scikit-learn's.
    """
    from sklearn.neighbors import NearestNeighbors

    k = max(0, min(k, len(points) - int(queries is None)))
    if k == 0:
        shape = (len(points if queries is None else queries), 0)
        return np.empty(shape), np.empty(shape, dtype=int)
    search = NearestNeighbors(n_neighbors=k, metric=metric).fit(points)
    return search.kneighbors(queries)


def knn_graph(points: np.ndarray, sections: np.ndarray, k: int) -> sp.csr_matrix:
    """Directed kNN graph (n, n) of ones without self loops; none across sections.

    Parameters
    ----------
    points
        (n, d) positions or features.
    sections
        (n,) section of each point.
    k
        Neighbours per point, fewer in a section that has fewer points, and more
        where others are as near as the k-th: on a square lattice 6 are 8.
    """
    rows, columns = [], []
    for section in np.unique(sections):
        spots = np.flatnonzero(sections == section)
        row, column = _with_ties(points[spots], k)
        rows.append(spots[row])
        columns.append(spots[column])
    row, column = np.concatenate(rows), np.concatenate(columns)
    shape = (len(points), len(points))
    return sp.csr_matrix((np.ones(len(row)), (row, column)), shape=shape)


def _with_ties(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the edges to the k nearest and to all that are as near as the k-th.

    Whichever of them came first would make a graph depend on the order of the
    spots. At most ``SHELL`` more are kept, for points that coincide.
    """
    k = max(k, 0)
    distance, found = nearest(points, k + 1 if k else 0)
    if found.shape[1] <= k:
        return np.repeat(np.arange(len(points)), found.shape[1]), found.ravel()
    limit = distance[:, k - 1] * (1 + TIE)
    if (distance[:, k] <= limit).any():
        distance, found = nearest(points, k + SHELL)
    row, rank = np.nonzero(distance <= limit[:, None])
    return row, found[row, rank]


def symmetric(graph: sp.csr_matrix) -> sp.csr_matrix:
    """Keep an edge that either end named, with the larger weight."""
    return graph.maximum(graph.T).tocsr()


def neighbour_mean(
    features: np.ndarray, points: np.ndarray, sections: np.ndarray, k: int
) -> np.ndarray:
    """Mean of ``features`` (n, d) over a spot and its nearest ``k - 1`` others."""
    graph = knn_graph(points, sections, k - 1) + sp.identity(len(points), format="csr")
    weights = sp.diags(1.0 / np.asarray(graph.sum(axis=1)).ravel())
    return np.asarray(weights @ (graph @ features))


def laplacian(graph: sp.csr_matrix) -> sp.csr_matrix:
    """Symmetric normalised Laplacian; an isolated spot keeps a zero row."""
    degree = np.asarray(graph.sum(axis=1)).ravel()
    scale = sp.diags(np.where(degree > 0, 1.0 / np.sqrt(np.maximum(degree, 1e-12)), 0))
    return (sp.diags((degree > 0).astype(float)) - scale @ graph @ scale).tocsr()


def section_codes(adata: AnnData) -> np.ndarray:
    """Integer code of the section of every spot."""
    codes = np.empty(adata.n_obs, dtype=int)
    for i, spots in enumerate(contract.sections(adata).values()):
        codes[spots] = i
    return codes
