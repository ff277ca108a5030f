"""One factor per gene between the platform of the spots and of the reference."""

from __future__ import annotations

import numpy as np

from histobridge.deconvolution.solvers import box_quadratic, positive_definite

SMALLEST, LARGEST = 0.05, 20.0


def shrunken_factor(
    observed: np.ndarray, expected: np.ndarray, pseudo: float | np.ndarray
) -> np.ndarray:
    """``(observed + pseudo) / (expected + pseudo)``, kept within 0.05 and 20."""
    factor = (observed + pseudo) / (expected + pseudo)
    return np.clip(factor, SMALLEST, LARGEST)


def bulk_composition(bulk: np.ndarray, profiles: np.ndarray) -> np.ndarray:
    """Composition (n_types,) of all spots together, on the log scale.

    Minimises ``sum_g (log (profiles w)_g - log bulk_g)^2`` over ``w >= 0`` by damped
    Newton steps, as RCTD's fit of the bulk (Cable et al. 2022); a single gene of very
    different capture then has little pull.

    Parameters
    ----------
    bulk
        (n_genes,) positive counts.
    profiles
        (n_genes, n_types) scaled to the depth of the bulk.
    """
    weights = np.full(profiles.shape[1], 1.0 / profiles.shape[1])
    least = max(1e-4, 1e-7 * profiles.sum())
    for _ in range(100):
        mean = np.maximum(profiles @ weights, least)
        gap = np.log(mean) - np.log(bulk)
        curve = (profiles * (2 * (1 - gap) / mean**2)[:, None]).T @ profiles
        slope = -((2 * gap / mean) @ profiles)
        curve, (scale,) = positive_definite(curve[None])
        curve = curve[0] / scale + 1e-7 * np.eye(len(weights))
        step = box_quadratic(
            curve, slope[None] / scale, lower=-weights[None], tol=1e-9, sweeps=5000
        )[0]
        weights = weights + 0.3 * step
        if 0.3 * np.abs(step).sum() <= 1e-4:
            break
    return weights / weights.sum()


def bulk_factor(
    bulk: np.ndarray, depth: float, profiles: np.ndarray, composition: np.ndarray
) -> np.ndarray:
    """Observed over expected share (n_genes,) of every gene in all spots together."""
    expected = profiles @ composition
    return (bulk / depth) / np.maximum(expected, 1e-15)
