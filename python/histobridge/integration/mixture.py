"""Gaussian mixture with one shared full covariance (mclust's EEE), native."""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve, cholesky

WARD_LIMIT = 3000
SAMPLE = 20_000


class SharedCovarianceMixture:
    """EM for a Gaussian mixture whose components share one full covariance.

    The model is affine-invariant, so the start decides the result: by default Ward
    clustering of the *whitened* data, as in Fraley & Raftery (2002, JASA 97:611).

    Parameters
    ----------
    n_components
        Number of components.
    ridge
        Added to the covariance diagonal, relative to the mean variance.
    max_iter, tol
        Iterations, and the relative gain in log-likelihood that stops them.
    start
        ``ward`` (whitened) or ``kmeans``.
    seed
        Of k-means, and of the subsamples: of 3,000 rows that start Ward, and of 20,000
        that the parameters are estimated from where there are more.

    Attributes
    ----------
    weights_ : (k,)
    means_ : (k, d)
    covariance_ : (d, d)
    labels_ : (n,) int
    responsibility_ : (n, k)
    log_likelihood_ : float
    """

    def __init__(
        self,
        n_components: int,
        *,
        ridge: float = 1e-6,
        max_iter: int = 300,
        tol: float = 1e-6,
        start: str = "ward",
        seed: int = 0,
    ):
        self.n_components = n_components
        self.ridge = ridge
        self.max_iter = max_iter
        self.tol = tol
        self.start = start
        self.seed = seed

    def fit(self, x: np.ndarray) -> SharedCovarianceMixture:
        """Fit to ``x`` (n, d); deterministic for a seed."""
        x = np.asarray(x, dtype=float)
        centre = x.mean(axis=0)
        # The pooled scatter cancels badly far from the origin.
        x = whole = x - centre
        if len(x) > SAMPLE:
            rng = np.random.default_rng(self.seed)
            x = x[np.sort(rng.choice(len(x), SAMPLE, replace=False))]
        responsibility = np.eye(self.n_components)[self._start(x)]
        previous = -np.inf
        for _ in range(self.max_iter):
            self._maximise(x, responsibility)
            responsibility, total = self._expect(x)
            if abs(total - previous) <= self.tol * (1 + abs(total)):
                break
            previous = total
        if len(x) < len(whole):
            responsibility, total = self._expect(whole)
        self.means_ += centre
        self.log_likelihood_ = float(total)
        self.labels_ = responsibility.argmax(axis=1)
        self.responsibility_ = responsibility
        return self

    def fit_predict(self, x: np.ndarray) -> np.ndarray:
        """Fit and return the label of every row."""
        return self.fit(x).labels_

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Label of every row of ``x`` (m, d) under the fitted mixture."""
        centre = self.means_.mean(axis=0)
        shifted = SharedCovarianceMixture(self.n_components)
        shifted.weights_, shifted.covariance_ = self.weights_, self.covariance_
        shifted.means_ = self.means_ - centre
        return shifted._expect(np.asarray(x, dtype=float) - centre)[0].argmax(axis=1)

    def n_parameters(self) -> float:
        """Free parameters: weights, means and one covariance."""
        k, d = self.means_.shape
        return k - 1 + k * d + d * (d + 1) / 2

    def _start(self, x: np.ndarray) -> np.ndarray:
        from sklearn.cluster import AgglomerativeClustering, KMeans

        k = self.n_components
        if k == 1:
            return np.zeros(len(x), dtype=int)
        if self.start == "kmeans":
            return KMeans(k, n_init=5, random_state=self.seed).fit_predict(x)
        white = whiten(x)
        if not white.shape[1]:
            return np.zeros(len(x), dtype=int)
        rows = np.arange(len(x))
        if len(x) > WARD_LIMIT:
            rng = np.random.default_rng(self.seed)
            rows = np.sort(rng.choice(len(x), WARD_LIMIT, replace=False))
        labels = AgglomerativeClustering(k, linkage="ward").fit_predict(white[rows])
        if len(rows) == len(x):
            return labels
        centres = np.stack([white[rows][labels == c].mean(axis=0) for c in range(k)])
        return nearest_centre(white, centres)

    def _maximise(self, x: np.ndarray, responsibility: np.ndarray) -> None:
        mass = responsibility.sum(axis=0) + 1e-10
        self.weights_ = mass / mass.sum()
        self.means_ = (responsibility.T @ x) / mass[:, None]
        # Pooled scatter without forming residuals per component.
        scatter = x.T @ x - (self.means_.T * mass) @ self.means_
        covariance = scatter / len(x)
        level = self.ridge * max(np.trace(covariance) / len(covariance), 1e-12)
        self.covariance_ = covariance + level * np.eye(len(covariance))

    def _expect(self, x: np.ndarray) -> tuple[np.ndarray, float]:
        lower = cholesky(self.covariance_, lower=True)
        half = cho_solve((lower, True), self.means_.T)
        logdet = 2 * np.log(np.diag(lower)).sum()
        white = np.linalg.solve(lower, x.T).T
        square = (white**2).sum(axis=1)
        cross = x @ half
        constant = (self.means_.T * half).sum(axis=0)
        quadratic = square[:, None] - 2 * cross + constant
        d = x.shape[1]
        score = np.log(self.weights_) - 0.5 * (
            quadratic + logdet + d * np.log(2 * np.pi)
        )
        top = score.max(axis=1, keepdims=True)
        weight = np.exp(score - top)
        total = weight.sum(axis=1, keepdims=True)
        return weight / total, float((np.log(total) + top).sum())


def whiten(x: np.ndarray) -> np.ndarray:
    """Scores with identity covariance; directions of no variance are dropped."""
    centred = x - x.mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    keep = s > s[0] * 1e-8 if s.size and s[0] > 0 else np.zeros(len(s), dtype=bool)
    return u[:, keep] * np.sqrt(len(x))


def nearest_centre(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Index of the nearest centre of every row."""
    return ((centres**2).sum(axis=1) - 2 * x @ centres.T).argmin(axis=1)
