"""Clustering heads: from an embedding to a label per spot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from histobridge.integration.communities import leiden, leiden_to_k, neighbour_graph
from histobridge.integration.features import spatial_rings
from histobridge.integration.mixture import SharedCovarianceMixture
from histobridge.integration.potts import PottsMixture
from histobridge.integration.selection import number_of_domains

if TYPE_CHECKING:
    from anndata import AnnData

Head = Callable[[np.ndarray, int | None, int, "AnnData"], np.ndarray]


@dataclass(frozen=True)
class Mixture:
    """Gaussian mixture, one shared covariance, whitened Ward start (mclust's EEE).

    ``components`` principal components of the embedding enter where it has more.
    """

    components: int = 30

    def __call__(
        self, embedding: np.ndarray, k: int | None, seed: int, adata: AnnData
    ) -> np.ndarray:
        """Label (n,) from 0."""
        x = leading(embedding, min(self.components, max(2, len(embedding) // 20)))
        k = k or number_of_domains(x, seed)
        return SharedCovarianceMixture(k, seed=seed).fit_predict(x)


@dataclass(frozen=True)
class FullMixture:
    """Gaussian mixture with one full covariance per component (CellCharter)."""

    components: int = 30

    def __call__(
        self, embedding: np.ndarray, k: int | None, seed: int, adata: AnnData
    ) -> np.ndarray:
        """Label (n,) from 0."""
        from sklearn.mixture import GaussianMixture

        x = leading(embedding, self.components)
        k = k or number_of_domains(x, seed)
        # The ridge grows with the spread: it keeps small components invertible.
        ridge = 1e-3 * float(x.var(axis=0).mean()) + 1e-12
        model = GaussianMixture(k, reg_covar=ridge, random_state=seed, n_init=2)
        return model.fit_predict(x)


@dataclass(frozen=True)
class KMeans:
    """k-means, ten starts."""

    def __call__(
        self, embedding: np.ndarray, k: int | None, seed: int, adata: AnnData
    ) -> np.ndarray:
        """Label (n,) from 0."""
        from sklearn.cluster import KMeans as SklearnKMeans

        k = k or number_of_domains(leading(embedding, 30), seed)
        return SklearnKMeans(k, n_init=10, random_state=seed).fit_predict(embedding)


@dataclass(frozen=True)
class Leiden:
    """Leiden at the resolution that gives k, or at ``resolution`` without k."""

    neighbours: int = 15
    resolution: float = 1.0

    def __call__(
        self, embedding: np.ndarray, k: int | None, seed: int, adata: AnnData
    ) -> np.ndarray:
        """Label (n,) from 0."""
        graph = neighbour_graph(embedding, self.neighbours)
        if k is None:
            return leiden(graph, self.resolution, seed).labels
        return leiden_to_k(graph, k, seed=seed).labels


@dataclass(frozen=True)
class Potts:
    """Potts mixture on the lattice ring, from the labels of a shared covariance."""

    method: str = "icm"
    smoothness: float | None = None
    sweeps: int = 500
    t_degrees: float | None = 4.0

    def __call__(
        self, embedding: np.ndarray, k: int | None, seed: int, adata: AnnData
    ) -> np.ndarray:
        """Label (n,) from 0; smoothness 3 on hexagons and 2 on squares."""
        ring = spatial_rings(adata)
        start = Mixture()(embedding, k, seed, adata)
        smoothness = self.smoothness
        if smoothness is None:
            smoothness = 3.0 if np.median(np.diff(ring.indptr)) > 4 else 2.0
        model = PottsMixture(
            int(start.max()) + 1,
            smoothness=smoothness,
            method=self.method,
            t_degrees=self.t_degrees,
            sweeps=self.sweeps,
            burn_in=self.sweeps // 5,
            seed=seed,
        )
        return model.fit(embedding, ring, start).labels_


def leading(embedding: np.ndarray, components: int) -> np.ndarray:
    """At most that many principal components of an embedding, in its own units."""
    centred = embedding - embedding.mean(axis=0)
    if embedding.shape[1] <= components:
        return centred
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return centred @ vectors[:, np.argsort(-values)[:components]]
