"""Weights on the edges of a sparse graph; none of these adds an edge but a loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp

from histobridge.graphs.neighbours import nearest


def with_self(graph: sp.csr_matrix, weight: float = 1.0) -> sp.csr_matrix:
    """Add a self loop of that weight to every spot."""
    return (graph + weight * sp.identity(graph.shape[0], format="csr")).tocsr()


def row_mean(graph: sp.csr_matrix) -> sp.csr_matrix:
    """Rows that sum to one; an isolated spot keeps an empty row."""
    total = np.asarray(graph.sum(axis=1)).ravel()
    safe = np.where(total > 0, total, 1.0)
    return (sp.diags(np.where(total > 0, 1 / safe, 0.0)) @ graph).tocsr()


def symmetric_norm(graph: sp.csr_matrix) -> sp.csr_matrix:
    """``D^-1/2 A D^-1/2`` (Kipf & Welling 2017); isolated spots keep empty rows."""
    degree = np.asarray(graph.sum(axis=1)).ravel()
    safe = np.where(degree > 0, degree, 1.0)
    scale = sp.diags(np.where(degree > 0, 1 / np.sqrt(safe), 0.0))
    return (scale @ graph @ scale).tocsr()


def gcn_norm(graph: sp.csr_matrix) -> sp.csr_matrix:
    """``symmetric_norm`` with self loops of weight one: what a GCN layer spreads by."""
    return symmetric_norm(with_self(graph))


def gaussian_bandwidth(
    points: np.ndarray, share: float, sections: np.ndarray, sample: int = 2000
) -> float:
    """Length l at which ``sum_j exp(-d_ij^2 / 2 l^2)`` over others is ``share``.

    By bisection, over a sample of spots against all others of their section, so in
    memory linear in their number; SpaGCN's search, without its dense matrix.
    """
    blocks = []
    for section in np.unique(sections):
        part = points[sections == section]
        # Beyond 200 others the kernel is spent.
        distance, _ = nearest(part, 201, part[:: max(1, len(part) // sample)])
        block = np.full((len(distance), 200), np.inf)
        block[:, : distance.shape[1] - 1] = distance[:, 1:] ** 2
        blocks.append(block)
    square = np.concatenate(blocks)
    finite = square[np.isfinite(square)]
    if not finite.size or finite.max() <= 0:
        return 1.0
    low, high = 0.0, np.sqrt(finite.max()) * 10
    for _ in range(60):
        middle = (low + high) / 2
        mean = np.exp(-square / max(2 * middle**2, 1e-300)).sum(axis=1).mean()
        low, high = (middle, high) if mean < share else (low, middle)
    return (low + high) / 2


def gaussian_weights(
    graph: sp.csr_matrix, points: np.ndarray, length: float
) -> sp.csr_matrix:
    """``exp(-d^2 / 2 l^2)`` on the edges of ``graph``."""
    edges = graph.tocoo()
    square = ((points[edges.row] - points[edges.col]) ** 2).sum(axis=1)
    return sp.csr_matrix(
        (np.exp(-square / (2 * length**2)), (edges.row, edges.col)), graph.shape
    )


def product_weights(
    graph: sp.csr_matrix, features: Sequence[np.ndarray], metric: str = "cosine"
) -> sp.csr_matrix:
    """Weight each edge by the product of its ends' similarities, at least 0.

    Evaluated on the candidate edges alone, where stLearn and DeepST fill matrices
    of all pairs.

    Parameters
    ----------
    features
        Arrays (n, d), e.g. principal components of genes and of image features.
    metric
        ``cosine`` or ``correlation``.
    """
    edges = graph.tocoo()
    weight = edges.data.astype(float)
    for block in features:
        rows = np.asarray(block, dtype=float)
        if metric == "correlation":
            rows = rows - rows.mean(axis=1, keepdims=True)
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        alike = np.einsum("ij,ij->i", rows[edges.row], rows[edges.col])
        weight = weight * np.maximum(alike, 0.0)
    return sp.csr_matrix((weight, (edges.row, edges.col)), graph.shape)


def strongest(graph: sp.csr_matrix, k: int) -> sp.csr_matrix:
    """Keep the ``k`` heaviest edges of every spot."""
    graph = sp.csr_matrix(graph)
    row = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    order = np.lexsort((graph.indices, -graph.data, row))
    rank = np.arange(len(order)) - graph.indptr[row[order]]
    kept = order[rank < k]
    return sp.csr_matrix(
        (graph.data[kept], (row[kept], graph.indices[kept])), graph.shape
    )


def label_pruned(
    graph: sp.csr_matrix, groups: np.ndarray, between: float = 0.0
) -> sp.csr_matrix:
    """Multiply edges between different ``groups`` (a pre-clustering) by a factor.

    0 cuts them (STAGATE's cell-type-aware graph); groups come from expression,
    never from labels.
    """
    edges = graph.tocoo()
    same = groups[edges.row] == groups[edges.col]
    weight = np.where(same, edges.data, edges.data * between)
    pruned = sp.csr_matrix((weight, (edges.row, edges.col)), graph.shape)
    pruned.eliminate_zeros()
    return pruned
