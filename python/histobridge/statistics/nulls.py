"""Nulls that keep the autocorrelation of a map: shifts of a section as a torus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from histobridge import graphs
from histobridge.normalisation import pearson_columns


def toroidal_shifts(
    points: np.ndarray, draws: int, seed: int = 0, *, mirrored: bool = False
) -> np.ndarray:
    """Spot (draws, n) that lands on each spot when a section is shifted as a torus.

    A shift moves the whole pattern and keeps its autocorrelation; what leaves the
    bounding box enters on the other side. On a full lattice it is a cyclic shift;
    elsewhere the nearest spot stands in. ``mirrored`` continues the section by its
    mirror image, so that no seam cuts through the pattern.
    """
    rng = np.random.default_rng(seed)
    low = points.min(axis=0)
    steps = graphs.pitch(points)
    size = points.max(axis=0) - low + steps
    period = np.round(2 * size if mirrored else size, 6)
    count = np.maximum(np.round(period / steps).astype(int), 1)
    # Mirrors stand between lattice rows, so that no row is its own image.
    low = low - steps / 2 if mirrored else low
    shifts = np.empty((draws, len(points)), dtype=int)
    for draw in range(draws):
        move = rng.integers(count) * steps
        while not move.any() and count.max() > 1:
            move = rng.integers(count) * steps
        # The rounding keeps a spot on the seam from falling off either side.
        place = np.mod(np.round(points - low + move, 6), period)
        place = size - np.abs(size - place) if mirrored else place
        shifts[draw] = graphs.nearest(points, 1, low + place)[1][:, 0]
    return shifts


def toroidal_p(
    x: np.ndarray, y: np.ndarray, points: np.ndarray, draws: int = 199, seed: int = 0
) -> np.ndarray:
    """One-sided p (genes,) of Pearson against shifts of the prediction.

    Parameters
    ----------
    x, y
        (n, genes) prediction and truth of one section.
    points
        (n, 2) their positions.
    draws
        p is a multiple of 1 / (draws + 1).
    """
    found = pearson_columns(x, y)
    above = np.zeros(x.shape[1])
    for shift in toroidal_shifts(points, draws, seed):
        above += pearson_columns(x[shift], y) >= found
    return (1 + above) / (1 + draws)


DRAWS_AT_ONCE = 50


def section_shifts(
    points: np.ndarray, sections: np.ndarray, draws: int, seed: int = 0
) -> np.ndarray:
    """Distinct shifts (at most draws, n), where every section moves on its own.

    Sections are mirrored: a seam would break the autocorrelation, and wide patterns
    be called too often. A small section has few shifts; repeating them would promise
    smaller p-values than it can give.
    """
    shifts = np.empty((draws, len(points)), dtype=int)
    for i, section in enumerate(np.unique(sections)):
        spots = np.flatnonzero(sections == section)
        own = toroidal_shifts(points[spots], draws, seed + i, mirrored=True)
        shifts[:, spots] = spots[own]
    return np.unique(shifts, axis=0)


def shifted_p(
    statistic: Callable[[np.ndarray], np.ndarray],
    inside: np.ndarray,
    sections: np.ndarray,
    shifts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Statistic of a region and its two-sided p under shifts of it, both (genes,).

    Parameters
    ----------
    statistic
        Linear map of indicators (n, draws) to genes (genes, draws). Indicators are
        centred within sections, so differences between sections do not count.
    inside
        (n,) which spots are in the region.
    sections, shifts
        (n,), and (draws, n) from :func:`section_shifts`; p is a multiple of
        ``1 / (draws + 1)``.
    """
    seen = statistic(_centred(inside[:, None], sections))[:, 0]
    # Shifts that reproduce what was seen tie with it, but for rounding.
    level = np.abs(seen)[:, None] * (1 - 1e-9)
    above = np.zeros(len(seen))
    for start in range(0, len(shifts), DRAWS_AT_ONCE):
        moved = inside[shifts[start : start + DRAWS_AT_ONCE]].T
        above += (np.abs(statistic(_centred(moved, sections))) >= level).sum(axis=1)
    return seen, (1 + above) / (1 + len(shifts))


def _centred(inside: np.ndarray, sections: np.ndarray) -> np.ndarray:
    """Mean zero in each section and unit length over all."""
    centred = inside.astype(float)
    for section in np.unique(sections):
        spots = sections == section
        centred[spots] -= centred[spots].mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    return centred / np.where(length > 0, length, 1.0)
