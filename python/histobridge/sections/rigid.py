"""Rigid motions of the plane: fitted and described."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Rigid:
    """Rotation then shift: ``points @ rotation.T + shift``."""

    rotation: np.ndarray
    shift: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Moved points (n, 2)."""
        return points @ self.rotation.T + self.shift

    @property
    def degrees(self) -> float:
        """Angle of the rotation."""
        return float(np.degrees(np.arctan2(self.rotation[1, 0], self.rotation[0, 0])))


def turn(degrees: float) -> np.ndarray:
    """Matrix of a rotation."""
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def procrustes(moving: np.ndarray, fixed: np.ndarray, plan: np.ndarray) -> Rigid:
    """Motion of least squared distance between matched points (Kabsch 1976).

    Parameters
    ----------
    moving, fixed
        (n, 2) and (m, 2).
    plan
        (n, m) weights of the matches. Reflections are excluded: tissue is not
        turned over between sections.
    """
    weight = plan / plan.sum()
    centre = weight.sum(axis=1) @ moving
    target = weight.sum(axis=0) @ fixed
    cross = (moving - centre).T @ weight @ (fixed - target)
    left, _, right = np.linalg.svd(cross)
    sign = np.sign(np.linalg.det(right.T @ left.T))
    rotation = right.T @ np.diag([1.0, sign]) @ left.T
    return Rigid(rotation, target - rotation @ centre)


def trimmed_procrustes(
    moving: np.ndarray, fixed: np.ndarray, plan: np.ndarray, rounds: int = 5
) -> Rigid:
    """Procrustes that leaves out, round by round, matches twice as far as the median.

    A plan that must move more mass than the sections have in common matches the rest
    with what is left, and least squares would follow it.
    """
    row, column = np.nonzero(plan > 0)
    mass = plan[row, column]
    kept = np.ones(len(mass), dtype=bool)
    for _ in range(rounds):
        used = np.zeros_like(plan)
        used[row[kept], column[kept]] = mass[kept]
        motion = procrustes(moving, fixed, used)
        away = np.linalg.norm(motion(moving[row]) - fixed[column], axis=1)
        kept = away <= 2 * np.median(away)
    return motion
