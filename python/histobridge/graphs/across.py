"""Links between sections: of aligned neighbours, and of mutual nearest features."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import scipy.sparse as sp

from histobridge.graphs.edges import both_ways
from histobridge.graphs.neighbours import nearest


def consecutive_graph(
    points: np.ndarray,
    sections: np.ndarray,
    order: Sequence[int],
    k: int = 3,
    furthest: float = np.inf,
) -> sp.csr_matrix:
    """Undirected links of each spot to its ``k`` nearest in the next section.

    Parameters
    ----------
    points
        (n, 2) positions in one common, aligned frame.
    order
        Sections from first to last.
    furthest
        No link is longer than this, in units of ``points``.
    """
    rows, columns = [], []
    for one, next_one in pairwise(order):
        here = np.flatnonzero(sections == one)
        there = np.flatnonzero(sections == next_one)
        distance, found = nearest(points[there], k, points[here])
        near = (distance <= furthest).ravel()
        rows.append(np.repeat(here, found.shape[1])[near])
        columns.append(there[found.ravel()][near])
    return _join(rows, columns, len(points))


def mutual_graph(
    features: np.ndarray, sections: np.ndarray, k: int = 20
) -> sp.csr_matrix:
    """Mutual nearest neighbours between every two sections (Haghverdi et al. 2018).

    Parameters
    ----------
    features
        (n, d) an embedding shared by all sections.
    k
        A pair counts when each is among the other's ``k`` nearest.
    """
    n = len(features)
    rows, columns = [], []
    for one, other in combinations(np.unique(sections), 2):
        here = np.flatnonzero(sections == one)
        there = np.flatnonzero(sections == other)
        forth = _links(features, here, there, k)
        back = _links(features, there, here, k)
        both = forth.multiply(back.T).tocoo()
        rows.append(both.row)
        columns.append(both.col)
    return _join(rows, columns, n)


def _links(
    features: np.ndarray, here: np.ndarray, there: np.ndarray, k: int
) -> sp.csr_matrix:
    _, found = nearest(features[there], k, features[here])
    row = np.repeat(here, found.shape[1])
    column = there[found.ravel()]
    n = len(features)
    return sp.csr_matrix((np.ones(len(row)), (row, column)), shape=(n, n))


def _join(rows: list[np.ndarray], columns: list[np.ndarray], n: int) -> sp.csr_matrix:
    if not rows:
        return sp.csr_matrix((n, n))
    return both_ways(np.concatenate(rows), np.concatenate(columns), n)
