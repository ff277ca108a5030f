"""Spatial autocorrelation, and significance that allows for it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import graphs
from histobridge.normalisation import pearson_columns


def row_standardised(graph: sp.csr_matrix) -> sp.csr_matrix:
    """Weights of every spot sum to one; an isolated spot keeps an empty row."""
    total = np.asarray(graph.sum(axis=1)).ravel()
    return (sp.diags(1 / np.where(total > 0, total, 1.0)) @ graph).tocsr()


def morans_i(values: sp.csr_matrix | np.ndarray, weights: sp.csr_matrix) -> np.ndarray:
    """Moran's I of all columns at once, (genes,); 0 for a constant column.

    ``n / sum(W) * z'Wz / z'z`` with z about the mean; sparse values stay sparse,
    the mean is taken out by expanding the product.

    Parameters
    ----------
    values
        (n, genes).
    weights
        (n, n), e.g. ``row_standardised(graphs.knn_graph(points, sections, 6))``.
    """
    n = values.shape[0]
    # Single precision would cancel where a gene varies little about a large mean.
    values = values.astype(float)
    mean = np.asarray(values.mean(axis=0)).ravel()
    if sp.issparse(values):
        # The row sums of W and its column sums weigh values on either end of an edge.
        cross = np.asarray(values.multiply(weights @ values).sum(axis=0)).ravel()
        square = np.asarray(values.multiply(values).sum(axis=0)).ravel()
        ends = (
            np.asarray(weights.sum(axis=0)).ravel() + np.asarray(weights.sum(1)).ravel()
        )
        cross = cross - mean * (values.T @ ends) + mean**2 * weights.sum()
        square = square - n * mean**2
    else:
        centred = values - mean
        cross = (centred * (weights @ centred)).sum(axis=0)
        square = (centred**2).sum(axis=0)
    constant = square <= 1e-12 * n * np.maximum(mean**2, 1e-300)
    safe = np.where(constant, 1.0, square)
    return np.where(constant, 0.0, n / weights.sum() * cross / safe)


def morans_moments(
    values: np.ndarray, weights: sp.csr_matrix
) -> tuple[float, np.ndarray]:
    """Mean and variance of Moran's I over all permutations, (1,) and (genes,).

    Closed form under randomisation (Cliff and Ord 1981, Spatial Processes, eq 1.44),
    in place of drawing permutations.
    """
    n = len(values)
    z = values - values.mean(axis=0)
    square = (z**2).mean(axis=0)
    kurtosis = (z**4).mean(axis=0) / np.where(square > 0, square, 1.0) ** 2
    s0 = weights.sum()
    both = weights + weights.T
    s1 = both.multiply(both).sum() / 2
    ends = np.asarray(weights.sum(axis=0)).ravel() + np.asarray(weights.sum(1)).ravel()
    s2 = (ends**2).sum()
    first = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
    second = kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    moment = (first - second) / ((n - 1) * (n - 2) * (n - 3) * s0**2)
    return -1 / (n - 1), moment - 1 / (n - 1) ** 2


def toroidal_shifts(points: np.ndarray, draws: int, seed: int = 0) -> np.ndarray:
    """Spot (draws, n) that lands on each spot when a section is shifted as a torus.

    A shift moves the whole pattern and keeps its autocorrelation; what leaves the
    bounding box enters on the other side. On a full lattice it is a cyclic shift;
    elsewhere the nearest spot stands in.
    """
    rng = np.random.default_rng(seed)
    low = points.min(axis=0)
    steps = graphs.pitch(points)
    size = points.max(axis=0) - low + steps
    count = np.maximum(np.round(size / steps).astype(int), 1)
    shifts = np.empty((draws, len(points)), dtype=int)
    for draw in range(draws):
        move = rng.integers(count) * steps
        while not move.any() and count.max() > 1:
            move = rng.integers(count) * steps
        # The rounding keeps a spot on the seam from falling off either side.
        place = low + np.mod(np.round(points - low + move, 6), np.round(size, 6))
        shifts[draw] = graphs.nearest(points, 1, place)[1][:, 0]
    return shifts


def toroidal_p(
    x: np.ndarray, y: np.ndarray, points: np.ndarray, draws: int = 199, seed: int = 0
) -> np.ndarray:
    """One-sided p (genes,) of Pearson against shifts of the prediction.

    Parameters
    ----------
    x, y
        (n, genes) prediction and truth of one section.
    points
        (n, 2) their positions.
    draws
        p is a multiple of 1 / (draws + 1).
    """
    found = pearson_columns(x, y)
    above = np.zeros(x.shape[1])
    for shift in toroidal_shifts(points, draws, seed):
        above += pearson_columns(x[shift], y) >= found
    return (1 + above) / (1 + draws)


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjusted p-values (Benjamini and Hochberg 1995, JRSS B 57:289)."""
    order = np.argsort(-p)
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return adjusted


def fraction_significant(p: np.ndarray, rate: float = 0.05) -> float:
    """Share of genes significant at a false discovery rate."""
    return float((benjamini_hochberg(p) <= rate).mean())


def by_decile(scores: np.ndarray, by: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Mean score in equal groups of genes ranked by e.g. Moran's I or expression.

    Returns
    -------
    One row per group, lowest first: ``group``, ``low`` and ``high`` of ``by``,
    ``mean`` and ``n``. Fewer groups where there are fewer genes.
    """
    rank = np.argsort(np.argsort(by, kind="stable"), kind="stable")
    group = rank * min(bins, len(by)) // len(by)
    frame = pd.DataFrame({"group": group + 1, "by": by, "score": scores})
    parts = frame.groupby("group")
    return parts.agg(
        low=("by", "min"),
        high=("by", "max"),
        mean=("score", "mean"),
        n=("score", "size"),
    ).reset_index()
