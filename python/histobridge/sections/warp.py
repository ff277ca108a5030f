"""A rigid motion and the smooth deformation that may follow it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from histobridge import graphs
from histobridge.sections.rigid import Rigid

Bend = Callable[[np.ndarray], np.ndarray]

SMOOTHING = (1.0, 8.0, 64.0, 512.0, 4096.0)
_NEIGHBOURS = 64
_FOLDS, _BLOCK = 5, 20
_GAIN = 0.1
"""Share of the squared pull that a bend must foretell."""


@dataclass(frozen=True)
class Step:
    """How one section comes to lie over the one before it."""

    rigid: Rigid
    bend: Bend | None = None

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Moved points (n, 2)."""
        moved = self.rigid(points)
        return moved if self.bend is None else self.bend(moved)


def smooth_warp(
    moved: np.ndarray, fixed: np.ndarray, plan: np.ndarray, seed: int = 0
) -> Bend | None:
    """Thin-plate deformation towards the places that each point was matched with.

    A match is no more exact than the distance of spots. How far the spline is
    smoothed, and whether there is one at all, is what predicts best where the matches
    of whole blocks of tissue lead: what does not hold beyond its block is no bend.

    Parameters
    ----------
    moved, fixed
        (n, 2) after the rigid motion, and (m, 2).
    plan
        (n, m) weights; unmatched points pull nothing.

    Returns
    -------
    Change of positions, or None where no bend is better than none.
    """
    mass = plan.sum(axis=1)
    matched = mass > 0.25 * mass.max()
    target = (plan[matched] @ fixed) / mass[matched, None]
    pull = target - moved[matched]
    scale = graphs.pitch(moved)
    points, total = moved[matched] / scale, float((pull**2).sum())
    folds = _blocks(points, seed)
    if total <= 0 or len(np.unique(folds)) < 2:
        return None
    errors = [_left_out_error(points, pull, folds, s) for s in SMOOTHING]
    if min(errors) > (1 - _GAIN) * total:
        return None
    spline = _spline(points, pull, SMOOTHING[int(np.argmin(errors))])
    return lambda queries: queries + spline(queries / scale)


def _blocks(points: np.ndarray, seed: int) -> np.ndarray:
    """Fold (n,) of every point, neighbours in one."""
    from sklearn.cluster import KMeans

    count = max(_FOLDS, len(points) // _BLOCK)
    if len(points) < count * 2:
        return np.zeros(len(points), dtype=int)
    block = KMeans(count, n_init=1, random_state=seed).fit_predict(points)
    return np.random.default_rng(seed).permutation(count)[block] % _FOLDS


def _left_out_error(
    points: np.ndarray, pull: np.ndarray, folds: np.ndarray, smoothing: float
) -> float:
    """Squared error of the pulls of blocks that the spline has not seen."""
    error = 0.0
    for fold in np.unique(folds):
        hidden = folds == fold
        spline = _spline(points[~hidden], pull[~hidden], smoothing)
        error += float(((spline(points[hidden]) - pull[hidden]) ** 2).sum())
    return error


def _spline(points: np.ndarray, pull: np.ndarray, smoothing: float) -> Bend:
    from scipy.interpolate import RBFInterpolator

    return RBFInterpolator(
        points,
        pull,
        neighbors=min(_NEIGHBOURS, len(points)),
        smoothing=smoothing,
        kernel="thin_plate_spline",
    )
