"""The least smoothing at which the surroundings of a spot tell its domain."""

from __future__ import annotations

import numpy as np

from histobridge.integration.embedding import GraphSmoother, graph_loadings
from histobridge.integration.mixture import SharedCovarianceMixture
from histobridge.integration.smoothing import STRENGTHS, own_share

SETTLED = 0.9
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
    """Least strength at which nine spots in ten need no data of their own.

    A domain is a part of the tissue, so the spots around a spot must tell which one
    it is in; groups of single cells that say their type do not pass. Every spot is
    smoothed with and without its own expression (leave-one-out of a linear smoother,
    as in generalised cross-validation), and a mixture of all spots labels both.
    Smoothing beyond what that takes only melts small domains together.

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
    The strength, and the share of spots that keep their label at each one tried.
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
    smooth, own = own_share(x, smoother, strength, seed=seed)
    own = np.clip(own, 0.0, 1 - 1e-3)[:, None]
    others = (smooth - own * x) / (1 - own)
    widest = max(2, min(x.shape[1], len(x) // 10))
    loadings = graph_loadings(x, smooth, widest)
    shares = []
    for d in sorted({min(d, widest) for d in DIMENSIONS}):
        axes = loadings[:, :d]
        mixture = SharedCovarianceMixture(k, seed=seed).fit(smooth @ axes)
        shares.append((mixture.predict(others @ axes) == mixture.labels_).mean())
    return float(np.mean(shares))
