"""Predicted expression against measured expression."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from histobridge.normalisation import log_normalise, pearson_columns
from histobridge.statistics import split_counts


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
    log = np.log(np.maximum(depth, 1))[:, None]
    # Even depth explains nothing; about its mean it is zero, not a column of rounding.
    log = log - log.mean() if np.ptp(log) > 1e-9 else np.zeros_like(log)
    slope = log / max(float((log**2).sum()), 1e-300)
    left, right = x - x.mean(axis=0), y - y.mean(axis=0)
    left, right = left - log @ (slope.T @ left), right - log @ (slope.T @ right)
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
    counts: sp.csr_matrix,
    columns: np.ndarray,
    seed: int = 0,
    repeats: int = 5,
    transform: Callable[[sp.csr_matrix], sp.csr_matrix] = log_normalise,
) -> np.ndarray:
    """Largest per-gene Pearson that counting noise allows, (genes,).

    Square root of the reliability between binomial halves of the counts, stepped up
    by Spearman-Brown. NaN for fractional counts, whose noise is not that of counting.

    Parameters
    ----------
    counts
        (n, all genes) of one section.
    columns
        Positions of the genes.
    transform
        From counts to the scale of the score.
    """
    rng = np.random.default_rng(seed)
    counts, total = sp.csr_matrix(counts), np.zeros(len(columns))
    if (counts.data != np.round(counts.data)).any():
        return np.full(len(columns), np.nan)
    for _ in range(repeats):
        half, other = split_counts(counts, rng)
        r = pearson_columns(
            transform(half)[:, columns].toarray(),
            transform(other)[:, columns].toarray(),
        )
        total += np.clip(2 * r / (1 + np.maximum(r, -0.99)), 0, 1)
    return np.sqrt(total / repeats)


def spearman_columns(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman correlation of matching columns, ties averaged; 0 where constant."""
    from scipy.stats import rankdata

    return pearson_columns(rankdata(x, axis=0), rankdata(y, axis=0))


def r2_train_mean(x: np.ndarray, y: np.ndarray, train_mean: np.ndarray) -> np.ndarray:
    """1 - SSE / SST per gene, SST about the *training* mean.

    Parameters
    ----------
    x, y
        (n, genes) prediction and truth.
    train_mean
        (genes,) what a predictor that knows nothing says.

    Returns
    -------
    (genes,); 0 where the truth equals the training mean everywhere.
    """
    total = ((y - train_mean) ** 2).sum(axis=0)
    error = ((y - x) ** 2).sum(axis=0)
    return np.where(total > 0, 1 - error / np.where(total > 0, total, 1.0), 0.0)


def mse_skill(x: np.ndarray, y: np.ndarray, train_mean: np.ndarray) -> float:
    """1 - squared error over that of the training mean, all genes together."""
    return float(1 - ((y - x) ** 2).sum() / ((y - train_mean) ** 2).sum())


def fraction_above(
    values: np.ndarray, level: float = 0.3, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Share of ``values`` above ``level`` with its exact binomial interval.

    Clopper and Pearson 1934, Biometrika 26:404. Genes are not independent: the
    interval is one of counting, not of sampling tissue.
    """
    from scipy.stats import beta

    n, hits, tail = len(values), int((values > level).sum()), (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return hits / n, low, high


def nb_deviance(
    mean: np.ndarray, counts: np.ndarray, dispersion: np.ndarray | float
) -> np.ndarray:
    """Negative binomial deviance per gene, mean over spots, (genes,).

    Parameters
    ----------
    mean, counts
        (n, genes) expected and measured counts.
    dispersion
        Variance is mean + dispersion * mean^2; 0 gives the Poisson deviance.
    """
    mean = np.maximum(mean, 1e-10)
    theta = np.broadcast_to(np.asarray(dispersion, dtype=float), mean.shape)
    own = np.where(counts > 0, counts * np.log(np.maximum(counts, 1e-300) / mean), 0.0)
    safe = np.where(theta > 0, theta, 1.0)
    spread = (counts + 1 / safe) * (np.log1p(safe * counts) - np.log1p(safe * mean))
    return 2 * (own - np.where(theta > 0, spread, counts - mean)).mean(axis=0)
