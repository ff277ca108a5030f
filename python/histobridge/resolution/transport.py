"""Spots spread over points by fused Gromov-Wasserstein transport, block by block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from histobridge import graphs
from histobridge.resolution.problem import Problem
from histobridge.resolution.subspots import components
from histobridge.sections.transport import entropic_plan

_BLOCK_POINTS = 1500
_REACH = 1.5
_FAR = 10.0


@dataclass
class Transport:
    """Every point becomes a mixture of the spots that send to it.

    Parameters
    ----------
    image
        Weight of image features against position, in costs and in structure.
    structure
        Weight of the Gromov-Wasserstein term.
    epsilon
        Entropic regularisation, relative to the largest cost.
    iterations
        Outer iterations.
    """

    image: float = 0.5
    structure: float = 0.5
    epsilon: float = 0.01
    iterations: int = 10
    n_components: int = 30
    seed: int = 0

    def fit_predict(self, problem: Problem) -> np.ndarray:
        """Expected counts of every point, (n_points, n_genes)."""
        problem.image()
        own = problem.nearest_spot()
        scores = components(problem, self.n_components, self.seed).scores
        out = np.empty((len(own), problem.counts.shape[1]))
        density = problem.density()
        for spots in self._blocks(problem):
            points = np.flatnonzero(np.isin(own, spots))
            plan = self._plan(problem, spots, points, scores[spots])
            share = plan / np.maximum(plan.sum(axis=0), 1e-300)
            out[points] = share.T @ density[spots]
        return out

    def _blocks(self, problem: Problem) -> list[np.ndarray]:
        """Neighbouring spots whose points a dense plan can hold."""
        from sklearn.cluster import KMeans

        per_spot = len(problem.points) / len(problem.spots)
        count = int(np.ceil(len(problem.spots) * per_spot / _BLOCK_POINTS))
        if count <= 1:
            return [np.arange(len(problem.spots))]
        model = KMeans(count, n_init=1, random_state=self.seed).fit(problem.spots)
        return [np.flatnonzero(model.labels_ == b) for b in np.unique(model.labels_)]

    def _plan(
        self,
        problem: Problem,
        spots: np.ndarray,
        points: np.ndarray,
        scores: np.ndarray,
    ) -> np.ndarray:
        """Transport plan (n_spots, n_points) of one block."""
        from scipy.spatial.distance import cdist

        place, to = problem.spots[spots], problem.points[points]
        features = problem.image()
        away = cdist(place, to)
        unlike = cdist(
            problem.spot_mean(features)[spots], features[points], "correlation"
        )
        cost = (1 - self.image) * _scaled(away) + self.image * _scaled(unlike)
        # Only points near a spot may receive from it.
        cost = np.where(away <= _REACH * problem.pitch, _scaled(cost), _FAR)
        near, seen = hops(to), hops(features[points], correlation=True)
        plan = entropic_plan(
            cost,
            hops(scores, correlation=True),
            (1 - self.image) * near + self.image * seen,
            structure=self.structure,
            epsilon=self.epsilon,
            iterations=self.iterations,
        )
        plan = np.where(cost < _FAR, np.nan_to_num(plan), 0.0)
        lost = plan.sum(axis=0) <= 1e-300
        plan[cost[:, lost].argmin(axis=0), lost] = 1.0
        return plan


def _scaled(values: np.ndarray) -> np.ndarray:
    return values / max(float(values.max()), 1e-12)


def hops(values: np.ndarray, k: int = 5, correlation: bool = False) -> np.ndarray:
    """Steps between rows on their kNN graph (n, n), largest 1.

    Rows that are not connected are as far apart as the furthest connected ones. With
    ``correlation`` neighbours are those of largest correlation of their columns.
    """
    from scipy.sparse.csgraph import shortest_path

    if correlation:
        values = values - values.mean(axis=1, keepdims=True)
        values = values / np.maximum(np.linalg.norm(values, axis=1), 1e-12)[:, None]
    graph = graphs.knn_graph(values, np.zeros(len(values)), k)
    steps = shortest_path(sp.csr_matrix(graph), directed=False, unweighted=True)
    finite = np.isfinite(steps)
    steps[~finite] = steps[finite].max()
    return _scaled(steps)
