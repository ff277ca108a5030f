"""Principal components of sub-spots that keep the mean of their spot.

Points belong to the spot of nearest centre, between spots too. Genes come back by
least squares on the components, as the authors of BayesSpace advise for many genes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from histobridge.normalisation import log_normalise
from histobridge.resolution.interpolation import inverse_distance
from histobridge.resolution.problem import Problem


@dataclass(frozen=True)
class Components:
    """Scores (n_spots, d) of log-normalised counts, and the way back to counts."""

    scores: np.ndarray
    loadings: np.ndarray
    mean: np.ndarray
    depth: np.ndarray

    def counts(self, scores: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Counts per point of ``scores`` (n_points, d), at the depth of their spot."""
        shares = np.maximum(np.expm1(self.mean + scores @ self.loadings), 0.0)
        total = shares.sum(axis=1, keepdims=True)
        return shares / np.where(total > 0, total, 1.0) * self.depth[own][:, None]


def components(problem: Problem, n: int, seed: int) -> Components:
    """Leading principal components of the spots, fewer where there are fewer spots."""
    from sklearn.decomposition import TruncatedSVD

    values = log_normalise(problem.counts).toarray()
    mean = values.mean(axis=0)
    depth = np.asarray(problem.counts.sum(axis=1)).ravel() / problem.held
    if values.shape[1] == 1:
        return Components(values - mean, np.ones((1, 1)), mean, depth)
    n = max(1, min(n, min(values.shape) - 1))
    model = TruncatedSVD(n, algorithm="randomized", random_state=seed)
    scores = model.fit_transform(values - mean)
    return Components(scores, model.components_, mean, depth)


def keep_means(values: np.ndarray, means: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Shift the points of each spot so that their mean is the spot's, (n_points, d)."""
    member = membership_of(own, len(means))
    present = np.maximum(np.asarray(member.sum(axis=1)), 1.0)
    return values + (means - (member @ values) / present)[own]


def membership_of(own: np.ndarray, n_spots: int) -> sp.csr_matrix:
    """Sparse (n_spots, n_points) of ones."""
    shape = (n_spots, len(own))
    return sp.csr_matrix((np.ones(len(own)), (own, np.arange(len(own)))), shape=shape)


@dataclass
class SmoothComponents:
    """Components interpolated between spots, the mean of every spot kept."""

    n_components: int = 15
    neighbours: int = 6
    seed: int = 0

    def fit_predict(self, problem: Problem) -> np.ndarray:
        """Expected counts of every point, (n_points, n_genes)."""
        found = components(problem, self.n_components, self.seed)
        own = problem.nearest_spot()
        weights = inverse_distance(problem.spots, problem.points, self.neighbours)
        scores = keep_means(weights @ found.scores, found.scores, own)
        return found.counts(scores, own)
