"""How far apart two spots must be to know nothing of each other."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls
from scipy.spatial.distance import pdist

from histobridge import graphs


def spherical(distance: np.ndarray, reach: float) -> np.ndarray:
    """Spherical variogram of sill 1 that is flat beyond ``reach``."""
    h = np.minimum(np.asarray(distance, dtype=float) / reach, 1.0)
    return 1.5 * h - 0.5 * h**3


def empirical_variogram(
    points: np.ndarray, values: np.ndarray, width: float, *, most: int = 800
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distance, semivariance and number of pairs per bin.

    Parameters
    ----------
    points
        (n, 2) positions of one section.
    values
        (n, d); columns are standardised and their variograms averaged.
    width
        Of a bin, in units of ``points``; bins reach half the largest distance.
    most
        Spots beyond this number are thinned evenly: pairs grow with the square.
    """
    values = np.asarray(values, dtype=float).reshape(len(points), -1)
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    if len(points) > most:
        kept = np.random.default_rng(0).choice(len(points), most, replace=False)
        points, scaled = points[kept], scaled[kept]
    distance = pdist(points)
    gamma = pdist(scaled, "sqeuclidean") / (2 * max(scaled.shape[1], 1))
    near = distance <= distance.max() / 2
    code = (distance[near] / width).astype(int)
    pairs = np.bincount(code)
    filled = pairs > 0
    mean = np.bincount(code, distance[near])[filled] / pairs[filled]
    return mean, np.bincount(code, gamma[near])[filled] / pairs[filled], pairs[filled]


def fit_range(distance: np.ndarray, gamma: np.ndarray, pairs: np.ndarray) -> float:
    """Range of the spherical variogram with nugget of least weighted squares."""
    weight = np.sqrt(pairs)
    best, reach = np.inf, 0.0
    for candidate in np.geomspace(distance.min(), distance.max(), 200):
        curve = spherical(distance, candidate)
        design = np.column_stack([np.ones_like(curve), curve])
        error = nnls(design * weight[:, None], gamma * weight)[1] ** 2
        if error < best - 1e-12:
            best, reach = error, float(candidate)
    return reach


def alike_when_near(
    points: np.ndarray, values: np.ndarray, permutations: int = 99
) -> bool:
    """Whether spots are nearer in value to their 4 neighbours than when permuted.

    One-sided, at level 1 / (permutations + 1).
    """
    values = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    neighbours = graphs.nearest(points, 4)[1]
    rng = np.random.default_rng(0)

    def apart(shuffled: np.ndarray) -> float:
        return sum(((shuffled - shuffled[n]) ** 2).sum() for n in neighbours.T)

    found = apart(values)
    return all(found < apart(rng.permutation(values)) for _ in range(permutations))


def variogram_range(
    points: np.ndarray, values: np.ndarray, sections: np.ndarray | None = None
) -> float:
    """Median over sections of the range of spatial autocorrelation.

    Parameters
    ----------
    points
        (n, 2) positions in microns.
    values
        (n, d) residuals of a model; their columns are averaged.
    sections
        (n,) section of each point; default one.

    Returns
    -------
    Range in the units of ``points``; 0 where no section shows autocorrelation.
    """
    points = np.asarray(points, dtype=float)
    values = np.asarray(values, dtype=float).reshape(len(points), -1)
    sections = np.zeros(len(points), int) if sections is None else sections
    ranges = []
    for section in np.unique(sections):
        spots = np.flatnonzero(sections == section)
        if len(spots) < 10:
            continue
        # Any curve fits noise somewhere: its range would be one of chance.
        if not alike_when_near(points[spots], values[spots]):
            ranges.append(0.0)
            continue
        width = graphs.pitch(points[spots])
        bins = empirical_variogram(points[spots], values[spots], width)
        ranges.append(fit_range(*bins))
    return float(np.median(ranges)) if ranges else 0.0
