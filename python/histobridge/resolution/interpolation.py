"""Interpolation between spots: by distance, in space and in colour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from histobridge import graphs
from histobridge.resolution.problem import Problem


def inverse_distance(
    spots: np.ndarray,
    points: np.ndarray,
    k: int,
    power: float = 2.0,
    offset: float = 0.1,
    furthest: float = np.inf,
) -> sp.csr_matrix:
    """Weights (n_points, n_spots) of the ``k`` nearest spots; rows sum to one.

    ``((d + offset) / nearest) ** -power``, of spots within ``furthest`` and always of
    the nearest.
    """
    distance, spot = graphs.nearest(spots, k, points)
    scaled = (distance + offset) / (distance[:, :1] + offset)
    near = (distance <= furthest) | (np.arange(distance.shape[1]) == 0)
    weight = np.where(near, scaled**-power, 0.0)
    weight /= weight.sum(axis=1, keepdims=True)
    row = np.repeat(np.arange(len(points)), spot.shape[1])
    shape = (len(points), len(spots))
    return sp.csr_matrix((weight.ravel(), (row, spot.ravel())), shape=shape)


def colour_axis(problem: Problem) -> np.ndarray:
    """Grey value (n_points,) of every point, channels weighted by their variance.

    In standard units; the value of a spot is the mean over its points, so that spots
    and points are placed on the very same axis.
    """
    colour = problem.colour()
    spread = problem.spot_mean(colour).var(axis=0)
    grey = colour @ (spread / max(spread.sum(), 1e-12))
    deviation = grey.std()
    return (grey - grey.mean()) / (deviation if deviation > 1e-12 else 1.0)


@dataclass
class Interpolator:
    """Counts per point as a weighted mean of spots.

    Attributes
    ----------
    weights
        Problem -> (n_points, n_spots), rows summing to one.
    """

    weights: Callable[[Problem], sp.csr_matrix]

    def fit_predict(self, problem: Problem) -> np.ndarray:
        """Expected counts of every point, (n_points, n_genes)."""
        return np.asarray(self.weights(problem) @ problem.density())


def with_colour(
    k: int,
    power: float,
    scale: float,
    furthest: Callable[[np.ndarray, np.ndarray], float] | None = None,
) -> Callable[[Problem], sp.csr_matrix]:
    """Weights by distance in position and colour.

    The colour axis is stretched to ``scale`` times the larger spread of x and y.
    """

    def weights(problem: Problem) -> sp.csr_matrix:
        grey = colour_axis(problem) * scale * problem.spots.std(axis=0).max()
        spots = np.column_stack([problem.spots, problem.spot_mean(grey[:, None])])
        points = np.column_stack([problem.points, grey])
        most = np.inf if furthest is None else furthest(spots, points)
        return inverse_distance(spots, points, k, power, furthest=most)

    return weights
