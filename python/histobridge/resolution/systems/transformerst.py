"""transformerst: inverse distances in position and colour to the five nearest spots.

Zhao et al. 2024 (Briefings in Bioinformatics 25:bbae052). What the released code
runs as "cross-scale super-resolution" is this interpolation, of log-normalised
expression; its vision transformer is never trained and off by default, so it has no
part here.
"""

import numpy as np
import scipy.sparse as sp

from histobridge.normalisation import log_normalise
from histobridge.registry import system
from histobridge.resolution.interpolation import with_colour
from histobridge.resolution.problem import Problem


class LogInterpolator:
    """Interpolates log-normalised expression and, apart from it, depth."""

    def __init__(self, neighbours: int, power: float, scale: float):
        self.weights = with_colour(neighbours, power, scale)

    def fit_predict(self, problem: Problem) -> np.ndarray:
        """Expected counts of every point, (n_points, n_genes)."""
        weights = self.weights(problem)
        shares = np.expm1((weights @ log_normalise(problem.counts)).toarray())
        total = shares.sum(axis=1, keepdims=True)
        depth = weights @ (problem.counts @ np.ones((problem.counts.shape[1], 1)))
        depth = depth / np.mean(problem.held)
        return (
            sp.csr_matrix(shares / np.where(total > 0, total, 1))
            .multiply(depth)
            .toarray()
        )


@system(
    "transformerst",
    task="resolution",
    needs=("counts", "coordinates", "image"),
    paper="Zhao et al. 2024, Brief Bioinform 25:bbae052",
    evidence="dev/benchmarks/results/resolution.csv",
    deviations=(
        "The graph transformer for clustering is not part of it. Back to counts "
        "through the interpolated depth; sums are conserved per spot."
    ),
)
def transformerst(
    *, neighbours: int = 5, power: float = 2.0, scale: float = 1.0, seed: int = 0
) -> LogInterpolator:
    """Inverse distances in position and colour to the five nearest spots."""
    return LogInterpolator(neighbours, power, scale)
