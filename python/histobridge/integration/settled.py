"""The least smoothing at which the surroundings of a spot tell its domain."""

from __future__ import annotations

import numpy as np

from histobridge.integration.embedding import GraphSmoother, graph_loadings
from histobridge.integration.mixture import SharedCovarianceMixture
from histobridge.integration.smoothing import STRENGTHS, own_share

SETTLED = 0.75
DIMENSIONS = (8, 15, 30)


def settled_strength(
    scores: np.ndarray,
    smoother: GraphSmoother,
    k: int,
    *,
    most: float,
    strengths: tuple[float, ...] = STRENGTHS,
    seed: int = 0,
) -> tuple[float, dict[float, float]]:
    """Least strength at which spots need no data of their own to find their domain.

    A domain is a part of the tissue, so the spots around a spot must tell which one
    it is in; groups of single cells that say their type do not pass. Every spot is
    smoothed with and without its own expression (leave-one-out of a linear smoother,
    as in generalised cross-validation), and a mixture of all spots labels both; an
    adjusted Rand index of .75 between them suffices. It is corrected for chance
    because one group of nearly all spots agrees with itself for nothing. Smoothing
    beyond what that takes only melts small domains together.

    Parameters
    ----------
    scores
        (n_spots, d) principal component scores.
    k
        Domains.
    most
        Strengths above it are not tried; it is returned where none suffices, as in
        layers about one spot thick.

    Returns
    -------
    The strength, and the adjusted Rand index at each one tried.
    """
    kept: dict[float, float] = {}
    for strength in sorted(s for s in strengths if s <= most):
        kept[strength] = _kept(scores, smoother, k, strength, seed)
        if kept[strength] >= SETTLED:
            return strength, kept
    return most, kept


def _kept(
    x: np.ndarray, smoother: GraphSmoother, k: int, strength: float, seed: int
) -> float:
    from sklearn.metrics import adjusted_rand_score

    smooth, own = own_share(x, smoother, strength, seed=seed)
    own = np.clip(own, 0.0, 1 - 1e-3)[:, None]
    others = (smooth - own * x) / (1 - own)
    widest = max(2, min(x.shape[1], len(x) // 10))
    loadings = graph_loadings(x, smooth, widest)
    indices = []
    for d in sorted({min(d, widest) for d in DIMENSIONS}):
        axes = loadings[:, :d]
        mixture = SharedCovarianceMixture(k, seed=seed).fit(smooth @ axes)
        found = mixture.predict(others @ axes)
        indices.append(adjusted_rand_score(mixture.labels_, found))
    return float(np.mean(indices))
