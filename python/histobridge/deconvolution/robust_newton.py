"""Weights of a spot under RCTD's likelihood, all spots at once."""

from __future__ import annotations

import numpy as np

from histobridge.deconvolution.heavy_tail import HeavyTail
from histobridge.deconvolution.solvers import (
    box_quadratic,
    positive_definite,
    weighted_gram,
)

CHUNK = 1024


def robust_weights(
    counts: np.ndarray,
    profiles: np.ndarray,
    depth: np.ndarray,
    likelihood: HeavyTail,
    *,
    damping: float = 0.3,
    steps: int = 50,
    tol: float = 1e-3,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights that maximise the likelihood, their loss, and whether they converged.

    Damped Newton steps under ``w >= 0``, as spacexr's iteratively reweighted least
    squares (Cable et al. 2022), with its step, floor and stopping rule; converged
    spots leave the iteration. Weights are not constrained to sum to 1.

    Parameters
    ----------
    counts
        (n, n_genes).
    profiles
        (n_genes, k) shares on the platform of the spots.
    depth
        (n,) counts of a spot over all genes.

    Returns
    -------
    weights (n, k), minus log-likelihood (n,), converged (n,)
    """
    n, k = len(counts), profiles.shape[1]
    weights = np.full((n, k), 1.0 / k)
    converged = np.zeros(n, dtype=bool)
    for first in range(0, n, CHUNK):
        active = np.arange(first, min(first + CHUNK, n))
        for _ in range(steps):
            step = _newton_step(
                counts[active], profiles, depth[active], weights[active], likelihood
            )
            weights[active] += damping * step
            done = damping * np.abs(step).sum(axis=1) <= tol
            converged[active[done]] = True
            active = active[~done]
            if not active.size:
                break
    weights = np.maximum(weights, 0.0)
    return weights, loss(counts, profiles, depth, weights, likelihood), converged


def _newton_step(
    counts: np.ndarray,
    profiles: np.ndarray,
    depth: np.ndarray,
    weights: np.ndarray,
    likelihood: HeavyTail,
) -> np.ndarray:
    weights = np.maximum(weights, 0.0)
    rate = _rates(profiles, depth, weights)
    _, first, second = likelihood(counts, rate)
    slope = (first * depth[:, None]) @ profiles
    curve = weighted_gram(profiles, -second * depth[:, None] ** 2)
    curve, scale = positive_definite(curve)
    curve = curve / scale[:, None, None]
    curve[:, np.arange(profiles.shape[1]), np.arange(profiles.shape[1])] += 1e-7
    target = slope / scale[:, None]
    return box_quadratic(curve, target, lower=-weights, sweeps=200, tol=1e-4)


def loss(
    counts: np.ndarray,
    profiles: np.ndarray,
    depth: np.ndarray,
    weights: np.ndarray,
    likelihood: HeavyTail,
) -> np.ndarray:
    """Minus log-likelihood (n,) of every spot."""
    out = np.empty(len(counts))
    for first in range(0, len(counts), CHUNK):
        rows = slice(first, first + CHUNK)
        rate = _rates(profiles, depth[rows], weights[rows])
        out[rows] = -likelihood(counts[rows], rate)[0].sum(axis=1)
    return out


def _rates(profiles: np.ndarray, depth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Expected counts (n, n_genes), not below spacexr's floor."""
    floor = np.maximum(1e-4, 1e-7 * depth)
    return np.maximum(depth[:, None] * (weights @ profiles.T), floor[:, None])
