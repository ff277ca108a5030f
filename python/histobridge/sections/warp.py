"""A rigid motion and the smooth deformation that may follow it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from histobridge import graphs
from histobridge.sections.rigid import Rigid


@dataclass(frozen=True)
class Step:
    """How one section comes to lie over the one before it."""

    rigid: Rigid
    bend: Callable[[np.ndarray], np.ndarray] | None = None

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Moved points (n, 2)."""
        moved = self.rigid(points)
        return moved if self.bend is None else self.bend(moved)


def smooth_warp(
    moved: np.ndarray, fixed: np.ndarray, plan: np.ndarray, neighbours: int = 64
) -> Callable[[np.ndarray], np.ndarray]:
    """Thin-plate deformation towards the places that each point was matched with.

    A match is no more exact than the distance of spots, so the spline is smoothed
    and only follows what many neighbours share.

    Parameters
    ----------
    moved, fixed
        (n, 2) after the rigid motion, and (m, 2).
    plan
        (n, m) weights; unmatched points pull nothing.
    """
    from scipy.interpolate import RBFInterpolator

    mass = plan.sum(axis=1)
    matched = mass > 0.25 * mass.max()
    target = (plan[matched] @ fixed) / mass[matched, None]
    pull = target - moved[matched]
    scale = graphs.pitch(moved)
    spline = RBFInterpolator(
        moved[matched] / scale,
        pull,
        neighbors=min(neighbours, int(matched.sum())),
        smoothing=float(neighbours),
        kernel="thin_plate_spline",
    )
    return lambda points: points + spline(points / scale)
