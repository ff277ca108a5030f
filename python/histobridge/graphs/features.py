"""Graphs in feature space, and coordinates that carry colour."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from histobridge.graphs.neighbours import knn_graph


def feature_graph(
    features: np.ndarray, sections: np.ndarray, k: int, metric: str = "euclidean"
) -> sp.csr_matrix:
    """Directed kNN graph (n, n) of ones in feature space, none across sections.

    Parameters
    ----------
    features
        (n, d); dense, e.g. principal components.
    metric
        ``euclidean``, ``cosine`` or ``correlation``; the latter two are Euclidean
        after rows are scaled (and centred), so no distance matrix is formed.

    Raises
    ------
    ValueError
        Unknown metric.
    """
    if metric not in ("euclidean", "cosine", "correlation"):
        raise ValueError(f"expected euclidean, cosine or correlation; found {metric!r}")
    rows = np.asarray(features, dtype=float)
    if metric == "correlation":
        rows = rows - rows.mean(axis=1, keepdims=True)
    if metric != "euclidean":
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return knn_graph(rows, sections, k)


def colour_coordinates(
    points: np.ndarray, colour: np.ndarray, sections: np.ndarray, scale: float = 1.0
) -> np.ndarray:
    """Positions (n, 3) whose third axis is image colour, as SpaGCN has it.

    Channels are averaged with their variances as weights, standardised, and
    stretched to ``scale`` times the larger spread of x and y (Hu et al. 2021, Nat
    Methods 18:1342). Within each section, so that stain is no distance.

    Parameters
    ----------
    points
        (n, 2).
    colour
        (n, channels) mean colour around each spot.
    """
    third = np.zeros(len(points))
    for section in np.unique(sections):
        spots = sections == section
        part = np.asarray(colour)[spots].astype(float)
        variance = part.var(axis=0)
        if variance.sum() <= 0:
            continue
        z = part @ (variance / variance.sum())
        spread = points[spots].std(axis=0).max()
        third[spots] = (z - z.mean()) / max(z.std(), 1e-12) * spread * scale
    return np.column_stack([points, third])
