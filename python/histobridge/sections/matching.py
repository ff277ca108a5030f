"""Spots of two sections matched by expression, image and position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from histobridge import graphs
from histobridge.sections.rigid import Rigid, trimmed_procrustes, turn
from histobridge.sections.transport import fused_plan, partial_plan

_TURNS = 24
_STEP = 0.125
_LEAST = 0.6


@dataclass(frozen=True)
class Section:
    """What a section is matched by; large ones are gathered into fewer places.

    Attributes
    ----------
    points : (n, 2)
        Microns.
    shares : (n, genes)
        Share of every gene, rows summing to 1.
    image : (n, d) or None
        Standardised image features.
    """

    points: np.ndarray
    shares: np.ndarray
    image: np.ndarray | None


def dissimilarity(moving: Section, fixed: Section, image: float) -> np.ndarray:
    """Cost (n, m) of matching, between 0 and 1.

    The Kullback-Leibler divergence of expression, as in PASTE, and ``image`` parts of
    the squared distance of image features.
    """
    shares = np.maximum(moving.shares, 1e-12)
    own = (shares * np.log(shares)).sum(axis=1)
    cost = own[:, None] - shares @ np.log(np.maximum(fixed.shares, 1e-12)).T
    cost = _scaled(cost - cost.min())
    if image and moving.image is not None and fixed.image is not None:
        from scipy.spatial.distance import cdist

        unlike = cdist(moving.image, fixed.image, "sqeuclidean")
        cost = (1 - image) * cost + image * _scaled(unlike)
    return cost


def _scaled(values: np.ndarray) -> np.ndarray:
    return values / max(float(values.max()), 1e-12)


def coarse_motion(
    moving: np.ndarray, fixed: np.ndarray, cost: np.ndarray, overlap: float
) -> Rigid:
    """Motion, among turns about the centres and shifts, of least mean cost.

    Every place pays the cost of matching the nearest place of the other section;
    without a start near the truth transport ends in a wrong turn of round tissue.
    Shifts reach as far as the overlap allows.
    """
    from scipy.spatial import cKDTree

    centre, target = moving.mean(axis=0), fixed.mean(axis=0)
    size, reach = np.ptp(fixed, axis=0), 1.5 * graphs.pitch(fixed)
    tree = cKDTree(fixed)
    # Centres of whole sections agree but for a small step.
    most = max(_STEP, np.ceil((1 - overlap) / _STEP) * _STEP)
    steps = np.arange(-most, most + _STEP / 2, _STEP)
    best, least = Rigid(np.eye(2), target - centre), np.inf
    for degrees in np.arange(_TURNS) * 360 / _TURNS:
        rotation = turn(degrees)
        turned = moving @ rotation.T + target - rotation @ centre
        for step in np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2):
            distance, match = tree.query(turned + size * step)
            near = distance <= reach
            # What is not covered pays like a match of average cost.
            own = np.where(near, cost[np.arange(len(match)), match], cost.mean())
            if near.mean() >= _LEAST * overlap and own.mean() < least:
                shift = target + size * step - rotation @ centre
                best, least = Rigid(rotation, shift), own.mean()
    return best


def transport_plan(
    moving: Section,
    fixed: Section,
    cost: np.ndarray,
    start: Rigid,
    structure: float,
    overlap: float,
) -> np.ndarray:
    """Fused Gromov-Wasserstein plan (n, m); partial where ``overlap`` is below 1.

    Zeira et al. 2022 (PASTE) and Liu et al. 2023 (PASTE2): costs of matching and
    distances within either section, without entropy. Starts from the plan that the
    coarse motion gives.
    """
    from scipy.spatial.distance import cdist

    first = cdist(moving.points, moving.points)
    second = cdist(fixed.points, fixed.points)
    size = max(first.max(), second.max())
    begin = partial_plan(cdist(start(moving.points), fixed.points), overlap)
    return fused_plan(
        cost, first / size, second / size, begin, structure=structure, mass=overlap
    )


def match_sections(
    moving: Section,
    fixed: Section,
    *,
    structure: float = 0.1,
    overlap: float = 1.0,
    image: float = 0.0,
) -> tuple[Rigid, np.ndarray]:
    """Rigid motion onto ``fixed``, and the plan that it was fitted to."""
    cost = dissimilarity(moving, fixed, image)
    start = coarse_motion(moving.points, fixed.points, cost, overlap)
    plan = transport_plan(moving, fixed, cost, start, structure, overlap)
    return trimmed_procrustes(moving.points, fixed.points, plan), plan
