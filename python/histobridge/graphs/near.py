"""Graphs of networks: near spots in units of the pitch, stars around medoids."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from histobridge.graphs.edges import both_ways, from_edges
from histobridge.graphs.neighbours import knn_graph, pitch


def near_graph(
    points: np.ndarray, sections: np.ndarray, pitches: float, k: int
) -> sp.csr_matrix:
    """Directed graph (n, n) of ones to the ``k`` nearest spots within a distance.

    Parameters
    ----------
    pitches
        The distance, in median spacings of the section.
    """
    graph = knn_graph(points, sections, k).tocoo()
    reach = np.empty(len(points))
    for section in np.unique(sections):
        rows = sections == section
        reach[rows] = pitches * pitch(points[rows]) * (1 + 1e-6)
    apart = np.linalg.norm(points[graph.row] - points[graph.col], axis=1)
    keep = apart <= reach[graph.row]
    return from_edges(graph.row[keep], graph.col[keep], len(points))


def medoid_graph(
    values: np.ndarray, sections: np.ndarray, k: int, seed: int = 0
) -> sp.csr_matrix:
    """Undirected graph (n, n): stars around the medoids of k clusters per section.

    The members of a cluster are linked with the spot nearest its centre, and these
    medoids with each other. Rows are those of ``values``, never of a cluster.

    Parameters
    ----------
    values
        (n, d) positions or features that are clustered by k-means.
    """
    from sklearn.cluster import KMeans

    rows, columns = [], []
    for section in np.unique(sections):
        spots = np.flatnonzero(sections == section)
        part = values[spots]
        means = KMeans(min(k, len(spots)), n_init=1, random_state=seed).fit(part)
        medoids = []
        for centre in np.unique(means.labels_):
            members = np.flatnonzero(means.labels_ == centre)
            gap = ((part[members] - means.cluster_centers_[centre]) ** 2).sum(axis=1)
            medoids.append(spots[members[gap.argmin()]])
            rows.append(spots[members])
            columns.append(np.full(len(members), medoids[-1]))
        rows.append(np.repeat(medoids, len(medoids)))
        columns.append(np.tile(medoids, len(medoids)))
    return both_ways(np.concatenate(rows), np.concatenate(columns), len(values))
