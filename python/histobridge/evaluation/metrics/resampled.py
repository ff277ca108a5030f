"""Agreement of labels when spots count several times, as in a bootstrap."""

from __future__ import annotations

import numpy as np


def weighted_ari(
    truth: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Adjusted Rand index when spot i counts ``weights[..., i]`` times.

    Parameters
    ----------
    truth, labels
        (n,).
    weights
        (n,) or (replicates, n).
    """
    table = _contingency(truth, labels, weights)

    def pairs(counts: np.ndarray) -> np.ndarray:
        flat = counts.reshape(len(counts), -1)
        return (flat * (flat - 1)).sum(axis=1) / 2

    both, left = pairs(table), pairs(table.sum(axis=2))
    right, total = pairs(table.sum(axis=1)), pairs(table.sum(axis=(1, 2)))
    expected = left * right / np.where(total > 0, total, 1.0)
    span = (left + right) / 2 - expected
    index = np.where(span > 0, (both - expected) / np.where(span > 0, span, 1.0), 1.0)
    return index if np.ndim(weights) == 2 else index[0]


def weighted_nmi(
    truth: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Normalised mutual information (arithmetic mean) under (replicates, n) weights."""
    table = _contingency(truth, labels, weights)
    share = table / table.sum(axis=(1, 2), keepdims=True)

    def entropy(p: np.ndarray) -> np.ndarray:
        flat = p.reshape(len(p), -1)
        return -(flat * np.log(np.where(flat > 0, flat, 1.0))).sum(axis=1)

    left, right = entropy(share.sum(axis=2)), entropy(share.sum(axis=1))
    mean = (left + right) / 2
    mutual = left + right - entropy(share)
    return np.where(mean > 0, mutual / np.where(mean > 0, mean, 1.0), 1.0)


def _contingency(
    truth: np.ndarray, labels: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Weight of every pair of labels, (replicates, true labels, found labels)."""
    _, rows = np.unique(truth, return_inverse=True)
    _, columns = np.unique(labels, return_inverse=True)
    shape = (int(rows.max()) + 1, int(columns.max()) + 1)
    cell = np.zeros((len(rows), shape[0] * shape[1]))
    cell[np.arange(len(rows)), rows * shape[1] + columns] = 1.0
    return (np.atleast_2d(weights) @ cell).reshape(-1, *shape)
