"""From edges within each section to one block-diagonal sparse matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp


def from_edges(
    rows: np.ndarray, columns: np.ndarray, n: int, weights: np.ndarray | None = None
) -> sp.csr_matrix:
    """Sparse graph (n, n) of the given edges; ones unless ``weights`` are given."""
    values = np.ones(len(rows)) if weights is None else weights
    return sp.csr_matrix((values, (rows, columns)), shape=(n, n))


def both_ways(rows: np.ndarray, columns: np.ndarray, n: int) -> sp.csr_matrix:
    """Undirected graph of ones, without self loops, however often an edge comes."""
    keep = rows != columns
    rows, columns = rows[keep], columns[keep]
    graph = from_edges(
        np.concatenate([rows, columns]), np.concatenate([columns, rows]), n
    )
    graph.data[:] = 1.0
    return graph


def per_section(
    points: np.ndarray,
    sections: np.ndarray,
    edges_of: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> sp.csr_matrix:
    """Undirected graph from ``edges_of(points of one section)``, none across."""
    rows, columns = [], []
    for section in np.unique(sections):
        spots = np.flatnonzero(sections == section)
        row, column = edges_of(points[spots])
        rows.append(spots[row])
        columns.append(spots[column])
    return both_ways(np.concatenate(rows), np.concatenate(columns), len(points))
