"""Leiden communities, native, and with the wanted number of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from histobridge import graphs
from histobridge.integration.moving import move_nodes, refine_nodes, shared_neighbours

ROUNDS = 20


@dataclass(frozen=True)
class Communities:
    """A partition by modularity.

    Attributes
    ----------
    labels
        (n,) from 0.
    resolution
        At which it was found.
    k
        Communities reached, which may not be the number asked for.
    """

    labels: np.ndarray
    resolution: float
    k: int


def leiden(graph: sp.csr_matrix, resolution: float = 1.0, seed: int = 0) -> Communities:
    """Communities of a weighted undirected graph (Traag et al. 2019, Sci Rep 9:5233).

    Fast local moving, refinement, aggregation, on modularity with a resolution;
    the refinement merges greedily where the paper draws at random.
    """
    rng = np.random.default_rng(seed)
    level = sp.csr_matrix(graph, dtype=float)
    membership = np.arange(graph.shape[0])
    community = membership.copy()
    for _ in range(ROUNDS):
        level.sort_indices()
        degree = np.asarray(level.sum(axis=1)).ravel()
        arrays = (level.indptr, level.indices, level.data, degree)
        order = rng.permutation(level.shape[0])
        community = move_nodes(*arrays, community, resolution, order)
        refined = refine_nodes(*arrays, community, resolution, order)
        _, refined = np.unique(refined, return_inverse=True)
        if refined.max() + 1 == level.shape[0]:
            break
        first = np.zeros(refined.max() + 1, dtype=np.int64)
        first[refined] = community
        membership = refined[membership]
        joined = _indicator(refined)
        level = (joined.T @ level @ joined).tocsr()
        # Names of communities are positions in the arrays of the smaller graph.
        _, community = np.unique(first, return_inverse=True)
    _, labels = np.unique(community[membership], return_inverse=True)
    return Communities(labels, resolution, int(labels.max()) + 1)


def _indicator(labels: np.ndarray) -> sp.csr_matrix:
    n = len(labels)
    return sp.csr_matrix((np.ones(n), (np.arange(n), labels)))


def leiden_to_k(
    graph: sp.csr_matrix, k: int, *, seed: int = 0, steps: int = 20
) -> Communities:
    """Communities at the resolution that gives ``k``, by bisection.

    Where no resolution tried gives ``k``, the nearest number reached; its ``k`` says
    which. (SpaGCN searches the same way and stays silent about a miss.)
    """
    low, high = 1e-3, 1.0
    best = found = leiden(graph, high, seed)
    while found.k < k and high < 1e3:
        low, high = high, high * 4
        found = leiden(graph, high, seed)
        best = _nearer(best, found, k)
    for _ in range(steps):
        if best.k == k:
            break
        middle = float(np.sqrt(low * high))
        found = leiden(graph, middle, seed)
        best = _nearer(best, found, k)
        low, high = (middle, high) if found.k < k else (low, middle)
    return best


def _nearer(one: Communities, other: Communities, k: int) -> Communities:
    return other if abs(other.k - k) < abs(one.k - k) else one


def neighbour_graph(
    embedding: np.ndarray, neighbours: int = 15, weight: str = "shared"
) -> sp.csr_matrix:
    """Undirected kNN graph of an embedding, for community detection.

    Edges are weighted by the share of neighbours their ends have in common
    (``shared``; Jaccard index) or not at all (``none``).
    """
    n = len(embedding)
    near = graphs.feature_graph(embedding, np.zeros(n, dtype=int), neighbours)
    near = graphs.with_self(near)
    near.sort_indices()
    if weight == "shared":
        near.data = shared_neighbours(near.indptr, near.indices)
        near.data[_idle(near)] = 0.0
    near = graphs.symmetric(near)
    near.setdiag(0)
    near.eliminate_zeros()
    return near


def _idle(near: sp.csr_matrix) -> np.ndarray:
    """Which edges to leave out: weak ones, unless only they hold the graph together.

    One common neighbour among many hardly joins two spots (as in Seurat). Spots that
    weak edges alone tie to the rest would become communities of their own, and no
    resolution could give fewer.
    """
    weak = near.data < 1 / 15
    strong = near.copy()
    strong.data = np.where(weak, 0.0, near.data)
    strong.eliminate_zeros()
    _, part = connected_components(strong, directed=False)
    rows = np.repeat(part, np.diff(near.indptr))
    return weak & (rows == part[near.indices])
