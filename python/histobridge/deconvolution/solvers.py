"""Non-negative least squares and Newton steps, all spots at once."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

TINY = 1e-12
CHUNK = 4096


def box_quadratic(
    hessian: np.ndarray,
    target: np.ndarray,
    lower: np.ndarray | float = 0.0,
    start: np.ndarray | None = None,
    *,
    sweeps: int = 500,
    tol: float = 1e-7,
) -> np.ndarray:
    """Minimise ``x' H x / 2 - b' x`` over ``x >= lower`` for every row.

    Cyclic coordinate descent, vectorised over rows: exact in the limit, since every
    problem is convex.

    Parameters
    ----------
    hessian
        (k, k) shared or (n, k, k), positive semi-definite.
    target
        (n, k) the ``b`` of every row.
    lower
        (n, k) or a number.
    start
        (n, k) first guess.
    tol
        Largest change of a sweep, relative to the largest value, that stops.

    Returns
    -------
    (n, k)
    """
    lower = np.broadcast_to(lower, target.shape)
    x = np.maximum(lower, 0.0 if start is None else start)
    shared = hessian.ndim == 2
    diagonal = np.maximum(np.diagonal(hessian, axis1=-2, axis2=-1), TINY)
    for _ in range(sweeps):
        largest = 0.0
        for k in range(target.shape[1]):
            row = x @ hessian[k] if shared else np.einsum("nj,nj->n", hessian[:, k], x)
            new = x[:, k] + (target[:, k] - row) / diagonal[..., k]
            np.maximum(new, lower[:, k], out=new)
            largest = max(largest, float(np.abs(new - x[:, k]).max(initial=0.0)))
            x[:, k] = new
        if largest <= tol * max(float(np.abs(x).max(initial=0.0)), TINY):
            break
    return x


def least_squares(
    values: np.ndarray | sp.spmatrix,
    profiles: np.ndarray,
    weights: np.ndarray | None = None,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Non-negative coefficients (n, k) of rows of ``values`` on ``profiles``.

    Parameters
    ----------
    values
        (n, n_genes), dense or sparse.
    profiles
        (n_genes, k).
    weights
        Of the squared errors: (n_genes,) shared or (n, n_genes).
    """
    # Types of very different scale would slow the descent down.
    scale = np.maximum(np.sqrt((profiles**2).sum(axis=0)), TINY)
    unit = profiles / scale
    if weights is None or weights.ndim == 1:
        right = unit if weights is None else unit * weights[:, None]
        return box_quadratic(unit.T @ right, np.asarray(values @ right)) / scale
    out = np.empty((values.shape[0], unit.shape[1]))
    for first in range(0, len(out), CHUNK):
        rows = slice(first, first + CHUNK)
        part = values[rows]
        part = part if isinstance(part, np.ndarray) else part.toarray()
        guess = None if start is None else start[rows] * scale
        out[rows] = box_quadratic(
            weighted_gram(unit, weights[rows]),
            (weights[rows] * part) @ unit,
            start=guess,
            sweeps=200,
            tol=1e-5,
        )
    return out / scale


def weighted_gram(profiles: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``profiles' diag(w_s) profiles`` for every row of weights, (n, k, k)."""
    k = profiles.shape[1]
    upper = np.triu_indices(k)
    products = weights @ (profiles[:, upper[0]] * profiles[:, upper[1]])
    gram = np.empty((len(weights), k, k))
    gram[:, upper[0], upper[1]] = products
    gram[:, upper[1], upper[0]] = products
    return gram


def positive_definite(
    hessian: np.ndarray, least: float = 1e-3
) -> tuple[np.ndarray, np.ndarray]:
    """Replace eigenvalues of (n, k, k) below ``least`` by it.

    Returns
    -------
    The matrices, and their largest eigenvalues (n,), i.e. their 2-norms.
    """
    values = np.linalg.eigvalsh(hessian)
    largest = np.maximum(values[:, -1], least)
    bad = np.flatnonzero(values[:, 0] < least)
    if bad.size:
        values, vectors = np.linalg.eigh(hessian[bad])
        raised = vectors * np.maximum(values, least)[:, None, :]
        hessian = hessian.copy()
        hessian[bad] = raised @ np.swapaxes(vectors, 1, 2)
    return hessian, largest


def poisson_newton(
    counts: np.ndarray,
    profiles: np.ndarray,
    exposure: np.ndarray,
    start: np.ndarray | None = None,
    *,
    steps: int = 30,
    tol: float = 1e-6,
) -> np.ndarray:
    """Maximum-likelihood ``a >= 0`` of ``y ~ Poisson(exposure * profiles a)``.

    Newton steps under the bound, shortened where they would lower the likelihood;
    converged spots leave the iteration.

    Parameters
    ----------
    counts
        (n, n_genes).
    profiles
        (n_genes, k).
    exposure
        (n,) such as depth.

    Returns
    -------
    (n, k)
    """
    n, k = len(counts), profiles.shape[1]
    x = np.full((n, k), 1.0 / k) if start is None else np.maximum(start, 1e-4)
    pull = profiles.sum(axis=0)
    active = np.arange(n)
    damp = np.ones(n)
    mean = np.maximum(x @ profiles.T, TINY)
    loss = _poisson_loss(counts, mean, x @ pull, exposure)
    for _ in range(steps):
        here, y = x[active], counts[active]
        ratio = y / (exposure[active, None] * mean[active])
        step = _poisson_step(here, ratio, mean[active], profiles)
        trial = np.maximum(here + damp[active, None] * step, 0.0)
        trial_mean = np.maximum(trial @ profiles.T, TINY)
        trial_loss = _poisson_loss(y, trial_mean, trial @ pull, exposure[active])
        better = trial_loss <= loss[active]
        good = active[better]
        x[good], mean[good] = trial[better], trial_mean[better]
        loss[good] = trial_loss[better]
        damp[active] = np.where(
            better, np.minimum(1.0, 2 * damp[active]), damp[active] / 4
        )
        moved = np.abs(step).max(axis=1) * damp[active]
        active = active[(moved > tol) & (damp[active] > 1e-6)]
        if not active.size:
            break
    return x


def _poisson_step(
    x: np.ndarray, ratio: np.ndarray, mean: np.ndarray, profiles: np.ndarray
) -> np.ndarray:
    """Newton step (n, k) from ``x`` under ``x >= 0``; ``ratio`` is seen over mean."""
    k = profiles.shape[1]
    pull = profiles.sum(axis=0)
    slope = ratio @ profiles - pull
    curve = weighted_gram(profiles, ratio / mean)
    # A spot of fewer expressed genes than types has a flat direction.
    curve[:, np.arange(k), np.arange(k)] += 1e-6 * np.maximum(pull, TINY)
    target = slope + np.einsum("nij,nj->ni", curve, x)
    return box_quadratic(curve, target, start=x, sweeps=30, tol=1e-3) - x


def _poisson_loss(
    counts: np.ndarray, mean: np.ndarray, total: np.ndarray, exposure: np.ndarray
) -> np.ndarray:
    return exposure * total - (counts * np.log(mean)).sum(axis=1)
