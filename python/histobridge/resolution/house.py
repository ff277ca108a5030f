"""The house system: kriging, kriging with local residuals, and the image alone.

Genes are noisy one by one, so what is continued are principal components of the roots
of counts. Which of the three is believed how far is decided per gene by spots that
were left out.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from histobridge.resolution.interpolation import inverse_distance
from histobridge.resolution.kriging import continued, mixing_weight, ridge_trend
from histobridge.resolution.problem import Problem
from histobridge.resolution.stacking import (
    FOLDS,
    gene_weights,
    left_out,
    pooled_weights,
    scattered_folds,
)

COMPONENTS = 50
_LEAST_SPOTS = 4 * FOLDS


class RegressionKriging:
    """Smooth and local kriging of components and a ridge in the image, mixed.

    Parameters
    ----------
    neighbours
        Spots that a point is predicted from.
    n_components
        Of the roots of counts, whose noise is even.

    Attributes
    ----------
    weights_ : (2 or 3, n_genes)
        Of smooth kriging, of kriging with local residuals and, where there is an
        image, of the image alone.
    """

    def __init__(
        self, *, neighbours: int = 12, n_components: int = COMPONENTS, seed: int = 0
    ):
        self.neighbours = neighbours
        self.n_components = n_components
        self.seed = seed

    def fit_predict(self, problem: Problem) -> np.ndarray:
        """Expected counts of every point, (n_points, n_genes)."""
        self.weights_ = self._weights(problem)
        total = np.zeros((len(problem.points), problem.counts.shape[1]))
        for weight, values in zip(self.weights_, self.answers(problem), strict=True):
            total += weight * values
        return total

    def _weights(self, problem: Problem) -> np.ndarray:
        n, genes = problem.counts.shape
        even = np.array([0.5, 0.5] if problem.features is None else [0.5, 0.5, 0.0])
        if n < _LEAST_SPOTS:
            return np.tile(even[:, None], genes)
        guesses = left_out(problem, self.answers, scattered_folds(n, self.seed))
        truth = problem.density()
        common = pooled_weights(guesses, truth)
        # Left-out spots lie further apart than a point lies from its spots, and
        # cannot tell what is too local for them: it is half believed.
        common[:2] = (common[:2] + common[:2].mean()) / 2
        return gene_weights(guesses, truth, common)

    def answers(self, problem: Problem) -> Iterator[np.ndarray]:
        """Counts of every point, (n_points, n_genes), in three ways."""
        density = problem.density()
        roots = np.sqrt(density)
        mean = roots.mean(axis=0)
        left, size, loadings = np.linalg.svd(roots - mean, full_matrices=False)
        kept = slice(min(self.n_components, max(len(size) - 1, 1)))
        scores, loadings = (left * size)[:, kept], loadings[kept]
        found = continued(problem, scores, self.neighbours)
        shrunk = mixing_weight(scores, 0 * scores, found.left_out)
        yield _counts(mean + (shrunk * found.points) @ loadings, problem, density)
        shown = (shrunk * found.trend) @ loadings
        local = inverse_distance(problem.spots, problem.points, self.neighbours)
        near = shown + local @ (roots - problem.spot_mean(shown))
        yield _counts(near, problem, density)
        if problem.features is not None:
            trend = ridge_trend(problem.spot_mean(problem.features), density)
            yield np.maximum(trend.predict(problem.features), 0.0)


def _counts(roots: np.ndarray, problem: Problem, density: np.ndarray) -> np.ndarray:
    """Squares of roots, at the mean count of each gene."""
    values = np.maximum(roots, 0.0) ** 2
    # A squared mean falls short of the mean of squares, by a factor per gene.
    held = np.maximum(problem.spot_mean(values).mean(axis=0), 1e-12)
    return values * density.mean(axis=0) / held
