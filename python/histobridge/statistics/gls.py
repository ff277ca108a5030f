"""Generalised least squares under spatial covariance, all genes at once.

The restricted likelihood, the coefficient and its standard error are smooth in the
two parameters of the correlation. They are computed for every gene on one grid of
both, where each point costs a few matrix products, and interpolated to the maximum
of each gene.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from histobridge import graphs
from histobridge.statistics.covariance import ExactField, VecchiaField

EXACT_SPOTS = 3000
"""Sections up to this size are treated exactly."""

SCALES = 28
NUGGETS = 29
_LOGIT = 7.0
_GENES = 200
_FINE = np.linspace(-1.5, 1.5, 31)
_HALF = 3
_STEP, _CLIMBS = 0.02, 8
_NODES = np.arange(-_HALF, _HALF + 1)


@dataclass(frozen=True)
class Fit:
    """Coefficient of each gene (genes,) under its own spatial covariance.

    Attributes
    ----------
    estimate, std_error
        Coefficient and standard error.
    df
        Degrees of freedom of their ratio.
    scale
        Distance at which correlation has fallen to 1/e of ``1 - nugget``.
    nugget
        Share of the residual variance without spatial correlation.
    widening
        How many times larger the standard error is, at least 1, when scale and nugget
        are not taken for known.
    """

    estimate: np.ndarray
    std_error: np.ndarray
    df: np.ndarray
    scale: np.ndarray
    nugget: np.ndarray
    widening: np.ndarray

    def p_value(self) -> np.ndarray:
        """Two-sided p (genes,) of Student's t, the standard error widened."""
        from scipy import stats

        statistic = np.abs(self.estimate / self.std_error) / self.widening
        return 2 * stats.t.sf(statistic, self.df)


def fit_gls(
    values: np.ndarray,
    design: np.ndarray,
    points: np.ndarray,
    sections: np.ndarray,
    *,
    column: int = 1,
    exact: int = EXACT_SPOTS,
    neighbours: int = 20,
    seed: int = 0,
) -> Fit:
    """Fit ``values = design @ b + field`` by restricted maximum likelihood.

    Parameters
    ----------
    values
        (n, genes), none constant.
    design
        (n, p) of full column rank.
    points, sections
        Positions (n, 2) and section of each spot.
    column
        Whose coefficient is wanted.
    exact
        Largest section that is treated exactly; above it Vecchia's approximation
        with so many ``neighbours``.

    Notes
    -----
    The model is that of ``nlme::gls(y ~ x, correlation = corExp(form = ~ x + y,
    nugget = TRUE), method = "REML")``. ``df`` follows Satterthwaite (1946): twice
    the squared mean over the variance of the squared standard error, whose spread
    is that of the restricted likelihood over the grid.
    """
    largest = np.unique(sections, return_counts=True)[1].max()
    field: ExactField | VecchiaField
    if largest <= exact:
        field = ExactField(points, sections)
    else:
        field = VecchiaField(points, sections, neighbours, seed)
    scales = scale_grid(points, sections)
    logits = np.linspace(-_LOGIT, _LOGIT, NUGGETS)
    surfaces = _surfaces(values, design, column, field, scales, logits)
    free = len(values) - design.shape[1]
    parts = [
        _at_maximum(likelihood, estimate, error, scales, logits, free)
        for start in range(0, values.shape[1], _GENES)
        for likelihood, estimate, error in [surfaces[..., start : start + _GENES]]
    ]
    names = [entry.name for entry in fields(Fit)]
    return Fit(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


def scale_grid(points: np.ndarray, sections: np.ndarray) -> np.ndarray:
    """Scales from a third of the pitch to the largest extent of a section."""
    pitch, extent = np.inf, 0.0
    for section in np.unique(sections):
        own = points[sections == section]
        pitch = min(pitch, graphs.pitch(own))
        extent = max(extent, float(np.linalg.norm(np.ptp(own, axis=0))))
    return np.geomspace(pitch / 3, max(extent, pitch), SCALES)


def _surfaces(
    values: np.ndarray,
    design: np.ndarray,
    column: int,
    field: ExactField | VecchiaField,
    scales: np.ndarray,
    logits: np.ndarray,
) -> np.ndarray:
    """Likelihood, coefficient, log standard error: (3, scales, logits, genes)."""
    found = np.empty((3, len(scales), len(logits), values.shape[1]))
    nuggets = 1 / (1 + np.exp(-logits))
    p = design.shape[1]
    for i, scale in enumerate(scales):
        whiten = field.whitener(scale, nuggets)
        for start in range(0, values.shape[1], _GENES):
            part = values[:, start : start + _GENES]
            # The intercept takes any shift; without it squares would lose digits.
            joined = np.hstack([design, part - part.mean(axis=0)])
            for j, (both, log_determinant) in enumerate(whiten(joined)):
                fitted = _least_squares(both, p, column, log_determinant)
                found[:, i, j, start : start + _GENES] = fitted
    return found


def _at_maximum(
    likelihood: np.ndarray,
    estimate: np.ndarray,
    log_error: np.ndarray,
    scales: np.ndarray,
    logits: np.ndarray,
    free: int,
) -> Fit:
    """Read all surfaces off where the likelihood of each gene is largest."""
    place = _maximum(likelihood)
    i, j, t, u = place
    logit = logits[j] + u * (logits[1] - logits[0])
    weight = np.exp(likelihood - likelihood.max(axis=(0, 1)))
    weight /= weight.sum(axis=(0, 1))
    error = np.exp(_interpolate(log_error, *place))
    return Fit(
        _interpolate(estimate, *place),
        error,
        _degrees(weight, 2 * log_error, free),
        scales[i] * (scales[1] / scales[0]) ** t,
        1 / (1 + np.exp(-logit)),
        _widening(weight, estimate / error, np.exp(log_error) / error),
    )


def _least_squares(
    both: np.ndarray, p: int, column: int, log_determinant: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Restricted log likelihood, coefficient and log standard error, (genes,)."""
    x, y = both[:, :p], both[:, p:]
    gram = x.T @ x
    inverse = np.linalg.inv(gram)
    cross = x.T @ y
    coefficients = inverse @ cross
    free = len(x) - p
    left = np.einsum("ng,ng->g", y, y) - (coefficients * cross).sum(axis=0)
    variance = np.maximum(left, 1e-300) / free
    constant = log_determinant + np.linalg.slogdet(gram)[1]
    likelihood = -0.5 * (free * np.log(variance) + constant)
    error = 0.5 * np.log(variance * inverse[column, column])
    return likelihood, coefficients[column], error


def _degrees(weight: np.ndarray, log_variance: np.ndarray, free: int) -> np.ndarray:
    """Satterthwaite's degrees of freedom (genes,)."""
    mean = (weight * log_variance).sum(axis=(0, 1))
    spread = (weight * (log_variance - mean) ** 2).sum(axis=(0, 1))
    return 2 / (2 / free + spread)


def _widening(
    weight: np.ndarray, estimate: np.ndarray, error: np.ndarray
) -> np.ndarray:
    """Root of the total variance, in units of the standard error (genes,)."""
    mean = (weight * estimate).sum(axis=(0, 1))
    variance = (weight * (error**2 + (estimate - mean) ** 2)).sum(axis=(0, 1))
    return np.sqrt(np.maximum(variance, 1.0))


Place = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _maximum(surface: np.ndarray) -> Place:
    """Where each gene has its maximum: grid point (i, j) and offset in steps.

    The grid point is the middle of the 7 x 7 that are interpolated.
    """
    rows, columns, genes = surface.shape
    best = surface.reshape(-1, genes).argmax(axis=0)
    row, column = np.divmod(best, columns)
    i = np.clip(row, _HALF, rows - _HALF - 1)
    j = np.clip(column, _HALF, columns - _HALF - 1)
    t = np.clip(row - i + _FINE[:, None], -_HALF, _HALF)
    u = np.clip(column - j + _FINE[:, None], -_HALF, _HALF)
    along = np.einsum("atg,abg->tbg", _basis(t), _stencil(surface, i, j))
    fine = np.einsum("tbg,bug->tug", along, _basis(u))
    peak = fine.reshape(-1, genes).argmax(axis=0)
    gene = np.arange(genes)
    start = np.stack([t[peak // len(_FINE), gene], u[peak % len(_FINE), gene]])
    return i, j, *_climb(lambda at: _interpolate(surface, i, j, *at), start)


def _climb(height: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> np.ndarray:
    """Newton steps (2, genes) within the stencil, only where they lead upwards."""
    here, value = start, height(start)
    for _ in range(_CLIMBS):
        slope, bend, twist = _derivatives(height, here, value)
        # What pushes against a wall stays there, and the other goes on alone.
        held = (np.abs(here) >= _HALF) & (slope * here > 0)
        slope = np.where(held, 0, slope)
        twist = np.where(held.any(axis=0), 0, twist)
        area = bend[0] * bend[1] - twist**2
        uphill = twist * slope[::-1] - bend[::-1] * slope
        newton = uphill / np.where(np.abs(area) > 1e-12, area, np.inf)
        there = np.clip(here + np.clip(newton, -0.5, 0.5), -_HALF, _HALF)
        reached = height(there)
        better = reached > value
        here, value = np.where(better, there, here), np.where(better, reached, value)
    return here


def _derivatives(
    height: Callable[[np.ndarray], np.ndarray], here: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope and curvature (2, genes) and mixed derivative, by differences."""
    t, u = np.array([[_STEP], [0.0]]), np.array([[0.0], [_STEP]])
    ahead = np.stack([height(here + t), height(here + u)])
    behind = np.stack([height(here - t), height(here - u)])
    along = height(here + t + u) + height(here - t - u)
    across = height(here + t - u) + height(here - t + u)
    slope = (ahead - behind) / (2 * _STEP)
    bend = (ahead + behind - 2 * value) / _STEP**2
    return slope, bend, (along - across) / (4 * _STEP**2)


def _interpolate(
    surface: np.ndarray, i: np.ndarray, j: np.ndarray, t: np.ndarray, u: np.ndarray
) -> np.ndarray:
    """Value (genes,) of the polynomial through 7 x 7 grid points."""
    stencil = _stencil(surface, i, j)
    return np.einsum("ag,abg,bg->g", _basis(t), stencil, _basis(u))


def _basis(t: np.ndarray) -> np.ndarray:
    """Lagrange polynomials (7, ...) of the seven nodes at ``t``."""
    others = [[m for m in _NODES if m != k] for k in _NODES]
    return np.stack(
        [
            np.prod([(t - m) / (k - m) for m in rest], axis=0)
            for k, rest in zip(_NODES, others, strict=True)
        ]
    )


def _stencil(surface: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    genes = np.arange(surface.shape[2])
    return surface[i + _NODES[:, None, None], j + _NODES[:, None], genes]
