"""Potts model on a sparse graph: smooth labels, by modes or by Gibbs sampling."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp


class PottsMixture:
    """Gaussian or Student-t mixture whose labels agree with neighbours.

    The model of BayesSpace (Zhao et al. 2021, Nat Biotechnol 39:1375): one shared
    covariance, and a Potts prior of ``smoothness / degree`` per agreeing
    neighbour. Spots of one colour of the graph do not touch, so they are updated
    at once and a sweep stays exact.

    Parameters
    ----------
    n_components
        Number of labels.
    smoothness
        Potts weight of a whole agreeing neighbourhood (BayesSpace's gamma: 3 for
        Visium, 2 for square lattices).
    method
        ``icm``: the label of largest posterior, until none changes. ``gibbs``:
        labels, means, precision and t weights are drawn; the most frequent wins.
    t_degrees
        Degrees of freedom of the errors; None for Gaussian ones.
    sweeps, burn_in
        Of the sampler; ICM takes at most ``sweeps``.

    Attributes
    ----------
    labels_ : (n,) int
    membership_ : (n, k) share of sweeps (Gibbs) or one-hot (ICM)
    """

    def __init__(
        self,
        n_components: int,
        *,
        smoothness: float = 3.0,
        method: str = "icm",
        t_degrees: float | None = 4.0,
        sweeps: int = 500,
        burn_in: int = 100,
        seed: int = 0,
    ):
        if method not in ("icm", "gibbs"):
            raise ValueError(f"expected icm or gibbs; found {method!r}")
        self.n_components = n_components
        self.smoothness = smoothness
        self.method = method
        self.t_degrees = t_degrees
        self.sweeps = sweeps
        self.burn_in = burn_in
        self.seed = seed

    def fit(
        self, x: np.ndarray, graph: sp.csr_matrix, start: np.ndarray
    ) -> PottsMixture:
        """Fit to ``x`` (n, d) from the labels ``start`` (n,), e.g. of a mixture."""
        rng = np.random.default_rng(self.seed)
        x = np.asarray(x, dtype=float) - np.mean(x, axis=0)
        degree = np.asarray(graph.sum(axis=1)).ravel()
        prior = sp.diags(self.smoothness / np.maximum(degree, 1.0)) @ graph
        colours = list(colour_classes(graph))
        labels, scale = np.array(start), np.ones(len(x))
        count = np.zeros((len(x), self.n_components))
        for sweep in range(self.sweeps):
            means, precision = self._parameters(x, labels, scale, rng)
            before = labels.copy()
            square = _squares(x, means, precision)
            fit = -0.5 * scale[:, None] * square
            for spots in colours:
                one_hot = np.eye(self.n_components)[labels]
                score = fit[spots] + prior[spots] @ one_hot
                labels[spots] = self._pick(score, rng)
            if self.t_degrees is not None:
                own = square[np.arange(len(x)), labels]
                scale = self._scale(own, x.shape[1], rng)
            if self.method == "icm" and np.array_equal(labels, before):
                break
            if sweep >= self.burn_in:
                count[np.arange(len(x)), labels] += 1
        if self.method == "icm":
            count = np.eye(self.n_components)[labels]
        self.membership_ = count / np.maximum(count.sum(axis=1, keepdims=True), 1)
        self.labels_ = self.membership_.argmax(axis=1)
        return self

    def _parameters(
        self,
        x: np.ndarray,
        labels: np.ndarray,
        scale: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Means (k, d) and shared precision (d, d), at their mode or drawn."""
        n, d = x.shape
        weight = np.eye(self.n_components)[labels] * scale[:, None]
        mass = weight.sum(axis=0)
        # A weak prior at the centre keeps an empty label alive.
        means = (weight.T @ x) / (mass + 0.01)[:, None]
        residual = (x - means[labels]) * np.sqrt(scale)[:, None]
        spread = x.var(axis=0).mean()
        scatter = residual.T @ residual + 0.01 * spread * np.eye(d)
        if self.method == "icm":
            return means, np.linalg.inv(scatter / n)
        from scipy.stats import wishart

        precision = np.atleast_2d(
            wishart.rvs(n + d, np.linalg.inv(scatter), random_state=rng)
        )
        half = np.linalg.cholesky(np.linalg.inv(precision))
        noise = rng.normal(size=means.shape) @ half.T
        return means + noise / np.sqrt(mass + 0.01)[:, None], precision

    def _pick(self, score: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if self.method == "gibbs":
            score = score + rng.gumbel(size=score.shape)
        return score.argmax(axis=1)

    def _scale(
        self, square: np.ndarray, d: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Weights of the t errors: small for a spot far from its mean."""
        assert self.t_degrees is not None
        shape, rate = (self.t_degrees + d) / 2, (self.t_degrees + square) / 2
        return shape / rate if self.method == "icm" else rng.gamma(shape) / rate


def _squares(x: np.ndarray, means: np.ndarray, precision: np.ndarray) -> np.ndarray:
    half = np.linalg.cholesky(precision)
    white, centres = x @ half, means @ half
    square = (white**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1)
    return np.maximum(square - 2 * white @ centres.T, 0.0)


def colour_classes(graph: sp.csr_matrix) -> Iterator[np.ndarray]:
    """Sets of spots of which no two are neighbours, together all spots.

    In every round a spot joins when its (fixed, pseudo-random) rank is the largest
    among neighbours that are left (Luby 1986).
    """
    n = graph.shape[0]
    graph = sp.csr_matrix(graph).maximum(graph.T)
    rank = np.random.default_rng(0).permutation(n) + 1.0
    pattern = sp.csr_matrix((np.ones(graph.nnz), graph.indices, graph.indptr), (n, n))
    left = np.ones(n, dtype=bool)
    while left.any():
        # A maximal set: spots beside a chosen one wait for the next colour.
        open_spots, taken = left.copy(), np.zeros(n, dtype=bool)
        while open_spots.any():
            value = np.where(open_spots, rank, 0.0)
            highest = pattern.multiply(value[None, :]).tocsr().max(axis=1)
            now = open_spots & (value > np.asarray(highest.todense()).ravel())
            taken |= now
            open_spots &= ~now & ~(pattern @ now > 0)
        left &= ~taken
        yield np.flatnonzero(taken)
