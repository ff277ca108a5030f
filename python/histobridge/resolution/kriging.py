"""A trend in image features, and residuals continued in space by kriging.

Every choice is made on spots that were left out, column by column: the strength of
the ridge, the range and nugget of the residuals, how far the image is believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from histobridge import graphs
from histobridge.resolution.problem import Problem

STRENGTHS = tuple(np.geomspace(1e-2, 1e4, 13))
RANGES = (1.0, 2.0, 4.0, 8.0, 16.0)
NUGGETS = (0.0, 0.2, 0.5, 0.8)
_CHUNK = 4096


@dataclass(frozen=True)
class Trend:
    """Fitted ridge of every gene.

    Attributes
    ----------
    centre : (d,)
    intercept : (genes,)
    slope : (d, genes)
    left_out : (n, genes)
        Prediction of each spot by the others.
    """

    centre: np.ndarray
    intercept: np.ndarray
    slope: np.ndarray
    left_out: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Trend (m, genes) at ``features`` (m, d)."""
        return self.intercept + (features - self.centre) @ self.slope


def ridge_trend(
    features: np.ndarray,
    values: np.ndarray,
    strengths: tuple[float, ...] = STRENGTHS,
) -> Trend:
    """Ridge with the strength, one per gene, of least leave-one-out error.

    Parameters
    ----------
    features
        (n, d).
    values
        (n, genes).
    strengths
        Penalties relative to the mean variance of a feature times n.
    """
    n = len(values)
    centre, intercept = features.mean(axis=0), values.mean(axis=0)
    left, size, right = np.linalg.svd(features - centre, full_matrices=False)
    rotated = left.T @ (values - intercept)
    unit = max(float((size**2).sum()) / features.shape[1], 1e-12)
    best = np.full(values.shape[1], np.inf)
    slope = np.zeros((features.shape[1], values.shape[1]))
    left_out = np.empty(values.shape)
    for strength in strengths:
        kept = size**2 / (size**2 + strength * unit)
        own = np.minimum(1 / n + (left**2) @ kept, 1 - 1e-6)
        residual = values - intercept - left @ (kept[:, None] * rotated)
        out = residual / (1 - own)[:, None]
        error = (out**2).sum(axis=0)
        better = error < best
        best[better] = error[better]
        shrunk = (kept / np.maximum(size, 1e-12))[:, None] * rotated[:, better]
        slope[:, better] = right.T @ shrunk
        left_out[:, better] = values[:, better] - out[:, better]
    return Trend(centre, intercept, slope, left_out)


def kriging_weights(
    spots: np.ndarray,
    queries: np.ndarray | None,
    scale: float,
    nugget: float,
    k: int = 16,
) -> sp.csr_matrix:
    """Ordinary kriging from the ``k`` nearest spots, (n_queries, n_spots).

    Covariance ``(1 - nugget) * exp(-d / scale)`` and a nugget that belongs to the
    spots alone, so that queries are smooth. Without ``queries`` each spot is
    predicted by the others. Rows sum to one, or are empty where there is no other.
    """
    own = queries is None
    distance, spot = graphs.nearest(spots, k, queries)
    n, k = spot.shape
    shape = (n, n if own else len(spots))
    if not k:
        return sp.csr_matrix(shape)
    weight = np.empty((n, k))
    for start in range(0, n, _CHUNK):
        rows = slice(start, start + _CHUNK)
        near = spots[spot[rows]]
        between = np.linalg.norm(near[:, :, None] - near[:, None], axis=3)
        system = np.ones((len(near), k + 1, k + 1))
        system[:, :k, :k] = (1 - nugget) * np.exp(-between / scale)
        diagonal = np.arange(k)
        system[:, diagonal, diagonal] = 1.0 + 1e-9
        system[:, k, k] = 0.0
        target = np.ones((len(near), k + 1, 1))
        target[:, :k, 0] = (1 - nugget) * np.exp(-distance[rows] / scale)
        weight[rows] = np.linalg.solve(system, target)[:, :k, 0]
    row = np.repeat(np.arange(n), k)
    return sp.csr_matrix((weight.ravel(), (row, spot.ravel())), shape=shape)


@dataclass(frozen=True)
class Continued:
    """Columns (., d) predicted from the spots, with and without the image mixed.

    Attributes
    ----------
    left_out : (n_spots, d)
        Each spot by the others.
    points : (n_points, d)
    trend : (n_points, d)
        What of ``points`` the image says.
    """

    left_out: np.ndarray
    points: np.ndarray
    trend: np.ndarray


def continued(problem: Problem, values: np.ndarray, neighbours: int) -> Continued:
    """Values (n_spots, d) at all points: kriging, mixed with kriging about a trend."""
    if problem.features is None:
        left_out, points = kriged(problem, values, neighbours)
        return Continued(left_out, points, np.zeros(points.shape))
    trend = ridge_trend(problem.spot_mean(problem.features), values)
    # Side by side, so that every field is solved once.
    both = np.hstack([values, values - trend.left_out])
    left_out, points = kriged(problem, both, neighbours)
    alone, rest = np.hsplit(left_out, 2)
    alone_points, rest_points = np.hsplit(points, 2)
    rest = rest + trend.left_out
    shown = trend.predict(problem.features)
    weight = mixing_weight(values, alone, rest)
    return Continued(
        alone + weight * (rest - alone),
        alone_points + weight * (rest_points + shown - alone_points),
        weight * shown,
    )


def kriged(
    problem: Problem, values: np.ndarray, neighbours: int
) -> tuple[np.ndarray, np.ndarray]:
    """Left-out spots and points, each column with the field that suits it best."""
    best = np.full(values.shape[1], np.inf)
    choice = np.zeros(values.shape[1], dtype=int)
    left_out = np.tile(values.mean(axis=0), (len(values), 1))
    fields = [(r * problem.pitch, n) for r in RANGES for n in NUGGETS]
    for i, field in enumerate(fields):
        weights = kriging_weights(problem.spots, None, *field, neighbours)
        guess = weights @ values
        error = ((guess - values) ** 2).sum(axis=0)
        better = error < best
        best[better], choice[better] = error[better], i
        left_out[:, better] = guess[:, better]
    points = np.empty((len(problem.points), values.shape[1]))
    for i in np.unique(choice):
        columns = np.flatnonzero(choice == i)
        field = fields[int(i)]
        weights = kriging_weights(problem.spots, problem.points, *field, neighbours)
        points[:, columns] = weights @ values[:, columns]
    return left_out, points


def mixing_weight(
    truth: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Weight in [0, 1] of ``second`` with the least squared error, per column."""
    step = second - first
    size = (step**2).sum(axis=0)
    weight = ((truth - first) * step).sum(axis=0) / np.where(size > 1e-12, size, 1.0)
    return np.clip(np.where(size > 1e-12, weight, 0.0), 0.0, 1.0)
