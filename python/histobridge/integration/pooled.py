"""Graph components of several sections, with loadings between own and shared."""

from __future__ import annotations

from functools import reduce

import numpy as np

from histobridge.integration.embedding import GraphSmoother, fix_signs


def pooled_components(
    scores: np.ndarray,
    smoother: GraphSmoother,
    strength: float,
    sections: np.ndarray,
    n: int,
) -> tuple[np.ndarray, dict[int, float]]:
    """Graph PCA whose loadings are partially pooled over sections.

    Every section has the covariance of its own smoothed scores, drawn toward the mean
    over sections as far as its own is uncertain: the share is the estimated variance of
    its entries over their squared distance from the mean (Schaefer & Strimmer 2005,
    Stat Appl Genet Mol Biol 4:32). Loadings of a section are turned onto the shared
    ones (orthogonal Procrustes), so that components mean the same everywhere. One
    section gives ``graph_components``.

    Parameters
    ----------
    scores
        (n_spots, d) features, centred within each section.
    sections
        (n_spots,) codes.
    n
        Components kept, at most d.

    Returns
    -------
    Components (n_spots, n), and the share of the mean in each section.
    """
    smooth = smoother(scores, strength)
    parts = {int(s): np.flatnonzero(sections == s) for s in np.unique(sections)}
    own = {s: _covariance(scores[rows], smooth[rows]) for s, rows in parts.items()}
    mean = reduce(np.add, [covariance for covariance, _ in own.values()]) / len(own)
    shared = _leading(mean, n)
    out = np.empty((len(scores), shared.shape[1]))
    shares = {}
    for s, rows in parts.items():
        covariance, variance = own[s]
        distance = float(((covariance - mean) ** 2).sum())
        shares[s] = min(1.0, variance / distance) if distance > 0 else 1.0
        loadings = _leading(shares[s] * mean + (1 - shares[s]) * covariance, n)
        left, _, right = np.linalg.svd(loadings.T @ shared)
        out[rows] = smooth[rows] @ loadings @ (left @ right)
    return fix_signs(out), shares


def _covariance(x: np.ndarray, smooth: np.ndarray) -> tuple[np.ndarray, float]:
    """``x' smooth / n``, symmetric, and the summed variance of its entries."""
    n = len(x)
    product = x.T @ smooth / n
    second = (x**2).T @ (smooth**2) / n
    variance = float((second - product**2).sum()) / max(n - 1, 1)
    return (product + product.T) / 2, variance


def _leading(covariance: np.ndarray, n: int) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return vectors[:, np.argsort(-values)[:n]]
