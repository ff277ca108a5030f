"""Intervals that hold what they promise on spots simulated from the reference.

A posterior knows counting noise, not that cells of a type differ, that signatures are
those of other cells and that priors pull. So spots are simulated that are like the
observed ones in composition, depth, platform and scatter, but of known truth; they
are deconvolved in the same way, with signatures of *other* cells, and their errors
say how many deviations an interval needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution import outputs
from histobridge.deconvolution.mixture import Mixture, dispersion
from histobridge.deconvolution.pseudo_tissue import Recipe, halves
from histobridge.deconvolution.signatures import Signatures
from histobridge.deconvolution.solvers import weighted_gram

if TYPE_CHECKING:
    from histobridge.deconvolution.gamma_poisson import Posterior
    from histobridge.deconvolution.poisson import PoissonDeconvolver

ENOUGH = 1000
FEWEST = 100
"""Errors from which a quantile is taken."""
BINS = 8


def intervals(
    model: PoissonDeconvolver,
    values: np.ndarray,
    mixture: Mixture,
    fit: Posterior,
    counts: sp.csr_matrix,
    signatures: Signatures,
    average: sp.csr_matrix | None,
    nuclei: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (n_spots, n_types) that hold ``model.level`` of the true shares."""
    rng = np.random.default_rng(model.seed)
    rows = np.arange(len(values))
    if len(rows) > ENOUGH:
        rows = np.sort(rng.choice(rows, ENOUGH, replace=False))
    nuclei = None if nuclei is None else nuclei[rows]
    plain = Mixture.of(counts, model.profiles(signatures), 0.0)
    scatter, _ = dispersion(plain, fit.mean, fit.factor)
    covariance = share_covariance(
        mixture, fit, model.sizes(signatures), model.strength_
    )
    mixed, known = halves(signatures, rng)
    recipe = Recipe(mixed, fit.factor, model.cells, scatter, rng)
    simulated, truth = recipe.spots(
        drawn(values[rows], covariance[rows], rng),
        np.asarray(counts.sum(axis=1)).ravel()[rows],
        nuclei,
    )
    near = average if average is None else average[rows][:, rows]
    again, refit = model.again(simulated, known, near, nuclei)
    estimate = outputs.shares(refit.mean, model.sizes(known))
    deviation = _deviation(
        share_covariance(again, refit, model.sizes(known), model.strength_)
    )
    assert model.level is not None
    wide = Widths(estimate, np.abs(estimate - truth) / deviation, model.level)
    half = wide(values) * _deviation(covariance)
    return np.clip(values - half, 0, 1), np.clip(values + half, 0, 1)


def share_covariance(
    mixture: Mixture, fit: Posterior, sizes: np.ndarray | None, strength: float
) -> np.ndarray:
    """Covariance (n_spots, n_types, n_types) of shares, to first order.

    The inverse of the information of the counts, in which types of like signatures
    are exchangeable, and of the prior.
    """
    rates = mixture.profiles * fit.factor[:, None]
    n, k = fit.mean.shape
    unit = np.ones(k) if sizes is None else 1.0 / sizes
    out = np.empty((n, k, k))
    for rows, mean in mixture.expected(fit.mean, fit.factor):
        exposure = mixture.depth[rows, None]
        information = weighted_gram(rates, exposure**2 / mean)
        prior = strength / (fit.mean[rows] + 0.01)
        level = np.trace(information, axis1=1, axis2=2)[:, None] / k
        information[:, np.arange(k), np.arange(k)] += prior + 1e-6 * level + 1e-6
        cells = fit.mean[rows] * unit
        total = np.maximum(cells.sum(axis=1), 1e-12)
        share = cells / total[:, None]
        slope = (np.eye(k) - share[:, :, None]) * (unit / total[:, None])[:, None, :]
        out[rows] = slope @ np.linalg.inv(information) @ np.swapaxes(slope, 1, 2)
    return out


def drawn(
    shares: np.ndarray, covariance: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Compositions (n, k) that the spots might have, as far as counts tell."""
    values, vectors = np.linalg.eigh(covariance)
    noise = rng.standard_normal(shares.shape) * np.sqrt(np.maximum(values, 0))
    return outputs.shares(shares + np.einsum("nij,nj->ni", vectors, noise))


class Widths:
    """Deviations that hold a share of the errors, by size of the estimate.

    Small shares err in another way than large ones: their errors end at zero. Even
    and odd spots, of few and of many cells, each have to be held.
    """

    def __init__(self, estimate: np.ndarray, errors: np.ndarray, level: float):
        bins = int(np.clip(errors.size // FEWEST, 1, BINS))
        self.edges = np.quantile(estimate, np.arange(1, bins) / bins)
        place = np.searchsorted(self.edges, estimate)
        self.factors = np.zeros(bins)
        for b in range(bins):
            for kind in (0, 1):
                mine = errors[kind::2][place[kind::2] == b]
                if mine.size:
                    wide = np.quantile(mine, level)
                    self.factors[b] = max(self.factors[b], wide)

    def __call__(self, estimate: np.ndarray) -> np.ndarray:
        """Factors of the shape of ``estimate``."""
        return self.factors[np.searchsorted(self.edges, estimate)]


def _deviation(covariance: np.ndarray) -> np.ndarray:
    variance = np.diagonal(covariance, axis1=1, axis2=2)
    return np.sqrt(np.maximum(variance, 1e-12))
