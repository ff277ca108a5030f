"""BayesSpace's model of sub-spots: clusters in components, a Potts prior in space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from histobridge.contract import ContractError
from histobridge.resolution.problem import Problem
from histobridge.resolution.subspots import components, keep_means, membership_of

METHODS = ("map", "mcmc")


@dataclass
class PottsEnhancer:
    """Sub-spot components by maximum a posteriori or by Gibbs sampling.

    Parameters
    ----------
    method
        ``map`` (iterated conditional modes) or ``mcmc``.
    n_clusters, n_components
        Clusters of sub-spots, and principal components that describe them.
    smoothing
        Potts parameter gamma.
    iterations, burn_in
        Of the sampler; ``map`` stops when labels do.
    jitter, jitter_prior
        Variance of a proposal, and how far sub-spots are held to their spot.
    """

    method: str = "mcmc"
    n_clusters: int = 7
    n_components: int = 15
    smoothing: float = 2.0
    iterations: int = 1000
    burn_in: int = 200
    jitter: float = 5.0
    jitter_prior: float = 0.3
    seed: int = 0

    def __post_init__(self):
        if self.method not in METHODS:
            raise ContractError("a method by name", repr(self.method), METHODS)

    def fit_predict(self, problem: Problem) -> np.ndarray:
        """Expected counts of every point, (n_points, n_genes)."""
        found = components(problem, self.n_components, self.seed)
        own = problem.nearest_spot()
        state = _State(self, problem, found.scores, own)
        scores = state.mode() if self.method == "map" else state.sample()
        return found.counts(scores, own)


class _State:
    """Components, labels and cluster parameters of the sub-spots."""

    def __init__(
        self,
        model: PottsEnhancer,
        problem: Problem,
        scores: np.ndarray,
        own: np.ndarray,
    ):
        from sklearn.cluster import KMeans

        self.model, self.own = model, own
        self.member = membership_of(own, len(scores))
        self.rng = np.random.default_rng(model.seed)
        self.parent = scores[own]
        self.values = self.parent.copy()
        k = min(model.n_clusters, len(scores))
        clusters = KMeans(k, n_init=4, random_state=model.seed).fit(scores)
        self.labels = clusters.labels_[own]
        self.means = clusters.cluster_centers_
        self.graph, self.colours = lattice_graph(problem.points, problem.pixel)
        self.hold = model.jitter_prior / (2 * max(scores.var(axis=0).mean(), 1e-12))
        self.update_precision(np.ones(len(own)))

    def update_precision(self, weights: np.ndarray) -> None:
        """Set the precision to its mean under the Wishart prior."""
        rest = self.values - self.means[self.labels]
        d = rest.shape[1]
        scatter = 0.01 * np.eye(d) + (rest * weights[:, None]).T @ rest
        self.scatter = scatter
        self.precision = np.linalg.inv(scatter) * (len(rest) + 1)

    def energy(self) -> np.ndarray:
        """Squared Mahalanobis distance of every sub-spot to every cluster."""
        root = np.linalg.cholesky(self.precision)
        values, means = self.values @ root, self.means @ root
        cross = (values**2).sum(axis=1)[:, None] - 2 * values @ means.T
        return np.maximum(cross + (means**2).sum(axis=1), 0.0)

    def agreement(self, rows: np.ndarray) -> np.ndarray:
        """Potts energy of every label, given the neighbours of ``rows``."""
        one_hot = np.eye(len(self.means))[self.labels]
        degree = np.maximum(np.asarray(self.graph[rows].sum(axis=1)), 1.0)
        return 2 * self.model.smoothing * (self.graph[rows] @ one_hot) / degree

    def relabel(self, weights: np.ndarray, draw: bool) -> None:
        """Update all labels of one colour, then of the other."""
        distance = self.energy() * weights[:, None]
        for colour in (0, 1):
            rows = np.flatnonzero(self.colours == colour)
            log_odds = self.agreement(rows) - distance[rows] / 2
            if draw:
                log_odds += self.rng.gumbel(size=log_odds.shape)
            self.labels[rows] = log_odds.argmax(axis=1)

    def update_means(self, weights: np.ndarray, draw: bool) -> None:
        """Cluster means: their conditional mean, or a draw about it."""
        one_hot = sp.csr_matrix(
            (weights, (self.labels, np.arange(len(weights)))),
            (len(self.means), len(weights)),
        )
        total = np.asarray(one_hot.sum(axis=1)).ravel()
        self.means = (one_hot @ self.values) / (total + 0.01)[:, None]
        if draw:
            root = np.linalg.cholesky(np.linalg.inv(self.precision))
            noise = self.rng.standard_normal(self.means.shape) @ root.T
            self.means += noise / np.sqrt(total + 0.01)[:, None]

    def mode(self, most: int = 50) -> np.ndarray:
        """Iterated conditional modes until labels stay."""
        even = np.ones(len(self.own))
        d = self.values.shape[1]
        for _ in range(most):
            before = self.labels.copy()
            self.relabel(even, draw=False)
            self.update_means(even, draw=False)
            self.update_precision(even)
            # The prior is isotropic in units of the clusters' own spread.
            held = self.hold * np.trace(self.precision) / d * np.eye(d)
            pull = self.means[self.labels] @ self.precision + self.parent @ held
            values = np.linalg.solve(self.precision + held, pull.T).T
            self.values = keep_means(values, self.spot_scores(), self.own)
            if (before == self.labels).all():
                break
        return self.values

    def spot_scores(self) -> np.ndarray:
        """Components of the spots themselves (n_spots, d)."""
        present = np.maximum(np.asarray(self.member.sum(axis=1)), 1.0)
        return (self.member @ self.parent) / present

    def sample(self) -> np.ndarray:
        """Mean of the components over the draws after burn-in."""
        model, total, kept = self.model, np.zeros_like(self.values), 0
        d = self.values.shape[1]
        for step in range(model.iterations):
            quadratic = self.energy()[np.arange(len(self.own)), self.labels]
            weights = self.rng.gamma((d + 4) / 2, 2 / (quadratic + 4))
            self.update_means(weights, draw=True)
            self.draw_precision(weights)
            self.move(weights)
            self.relabel(weights, draw=True)
            if step >= min(model.burn_in, model.iterations - 1):
                total += self.values
                kept += 1
        return total / kept

    def draw_precision(self, weights: np.ndarray) -> None:
        """Draw the precision from its Wishart distribution."""
        from scipy.stats import wishart

        self.update_precision(weights)
        degrees = len(self.values) + self.values.shape[1]
        scale = np.linalg.inv(self.scatter)
        self.precision = np.atleast_2d(
            wishart.rvs(degrees, (scale + scale.T) / 2, random_state=self.rng)
        )

    def move(self, weights: np.ndarray) -> None:
        """Metropolis step of every spot: its sub-spots move, their mean does not."""
        d = self.values.shape[1]
        step = self.rng.standard_normal(self.values.shape)
        step *= np.sqrt(self.model.jitter * self.spread() / d)
        step = keep_means(step, np.zeros((self.member.shape[0], d)), self.own)
        gain = self.member @ (self.target(self.values + step, weights))
        gain -= self.member @ self.target(self.values, weights)
        accepted = np.log(self.rng.random(len(gain))) < gain
        self.values = np.where(
            accepted[self.own][:, None], self.values + step, self.values
        )

    def spread(self) -> np.ndarray:
        """Scale of a proposal, per component: the clusters' own variance."""
        return np.diag(np.linalg.inv(self.precision)) / 25

    def target(self, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Log density (n_points,) up to a constant."""
        rest = values - self.means[self.labels]
        inside = np.einsum("nd,de,ne->n", rest, self.precision, rest) * weights
        return -inside / 2 - self.hold * ((values - self.parent) ** 2).sum(axis=1)


def lattice_graph(points: np.ndarray, pixel: float) -> tuple[sp.csr_matrix, np.ndarray]:
    """Four neighbours on the square lattice, and its two colours (n_points,)."""
    from scipy.spatial import cKDTree

    cell = np.round((points - points.min(axis=0)) / pixel).astype(int)
    pairs = cKDTree(points).query_pairs(1.1 * pixel, output_type="ndarray")
    shape = (len(points), len(points))
    half = sp.csr_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape)
    return (half + half.T).tocsr(), cell.sum(axis=1) % 2
