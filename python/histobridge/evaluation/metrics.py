"""Metrics, each with one exact definition and one name."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from histobridge.normalisation import log_normalise, pearson_columns

__all__ = [
    "area_under_precision_recall",
    "gene_centred_spot_pearson",
    "jensen_shannon",
    "noise_ceiling",
    "partial_pearson",
    "pearson_columns",
    "pooled_pearson",
    "spot_pearson",
    "spot_rmse",
    "weighted_pearson",
]


def weighted_pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson correlation of matching columns under each row of ``weights``.

    Parameters
    ----------
    x, y
        (n, genes).
    weights
        (replicates, n) non-negative, e.g. how often a bootstrap drew each spot.

    Returns
    -------
    (replicates, genes); 0 where a column is constant.
    """
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    w = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    mean_x, mean_y = w @ x, w @ y
    variance_x = w @ x**2 - mean_x**2
    variance_y = w @ y**2 - mean_y**2
    covariance = w @ (x * y) - mean_x * mean_y
    product = np.maximum(variance_x, 0) * np.maximum(variance_y, 0)
    safe = np.where(product > 1e-20, product, 1.0)
    return np.where(product > 1e-20, covariance / np.sqrt(safe), 0.0)


def partial_pearson(x: np.ndarray, y: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Per-gene Pearson of what log depth does not explain, linearly, on both sides.

    Parameters
    ----------
    x, y
        (n, genes) prediction and truth.
    depth
        (n,) total counts.
    """
    design = np.column_stack([np.ones(len(depth)), np.log(np.maximum(depth, 1))])
    basis, _ = np.linalg.qr(design)
    left, right = x - basis @ (basis.T @ x), y - basis @ (basis.T @ y)
    # What is left of a constant or a multiple of depth is rounding, not signal.
    left[:, left.std(axis=0) <= 1e-9 * np.abs(x).max(axis=0)] = 0.0
    return pearson_columns(left, right)


def spot_pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Mean Pearson over genes within a spot; a constant predictor scores high."""
    return float(pearson_columns(x.T, y.T).mean())


def gene_centred_spot_pearson(
    x: np.ndarray, y: np.ndarray, train_mean: np.ndarray
) -> float:
    """Mean Pearson within a spot after subtracting each gene's training mean."""
    return float(pearson_columns((x - train_mean).T, (y - train_mean).T).mean())


def pooled_pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson over all spots and genes at once; secondary, never a headline."""
    return float(pearson_columns(x.reshape(-1, 1), y.reshape(-1, 1))[0])


def noise_ceiling(
    counts: sp.csr_matrix, columns: np.ndarray, seed: int = 0, repeats: int = 5
) -> np.ndarray:
    """Largest per-gene Pearson that counting noise allows, (genes,).

    Square root of the reliability between binomial halves of the counts, stepped up
    by Spearman-Brown.

    Parameters
    ----------
    counts
        (n, all genes) of one section.
    columns
        Positions of the genes.
    """
    rng = np.random.default_rng(seed)
    total = np.zeros(len(columns))
    for _ in range(repeats):
        half = counts.copy()
        half.data = rng.binomial(counts.data.astype(np.int64), 0.5).astype(float)
        other = counts.copy()
        other.data = counts.data - half.data
        r = pearson_columns(
            log_normalise(half)[:, columns].toarray(),
            log_normalise(other)[:, columns].toarray(),
        )
        total += np.clip(2 * r / (1 + np.maximum(r, -0.99)), 0, 1)
    return np.sqrt(total / repeats)


def spot_rmse(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Root mean squared error over types, (n_spots,)."""
    return np.sqrt(((estimate - truth) ** 2).mean(axis=1))


def jensen_shannon(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in bits between rows, (n_spots,)."""
    middle = (estimate + truth) / 2

    def relative(p: np.ndarray) -> np.ndarray:
        ratio = np.where(p > 0, p / np.maximum(middle, 1e-300), 1.0)
        return (p * np.log2(ratio)).sum(axis=1)

    return (relative(estimate) + relative(truth)) / 2


def area_under_precision_recall(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Average precision of "this type is in this spot" over all spots and types."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score((truth > 0).ravel(), estimate.ravel()))
