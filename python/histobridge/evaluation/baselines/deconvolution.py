"""The ladder for deconvolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution.poisson import PoissonDeconvolver
from histobridge.deconvolution.signatures import Signatures
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


class Uniform:
    """The same share of every type."""

    def fit_predict(
        self, adata: AnnData, counts: sp.csr_matrix, signatures: Signatures
    ) -> np.ndarray:
        """Proportions (n_spots, n_types)."""
        k = len(signatures.types)
        return np.full((counts.shape[0], k), 1.0 / k)


class RandomDirichlet:
    """Random proportions, Dirichlet(1)."""

    def __init__(self, seed: int):
        self.seed = seed

    def fit_predict(
        self, adata: AnnData, counts: sp.csr_matrix, signatures: Signatures
    ) -> np.ndarray:
        """Proportions (n_spots, n_types)."""
        rng = np.random.default_rng(self.seed)
        return rng.dirichlet(np.ones(len(signatures.types)), size=counts.shape[0])


class NonNegativeLeastSquares:
    """Least squares on mean profiles, weights not negative."""

    def fit_predict(
        self, adata: AnnData, counts: sp.csr_matrix, signatures: Signatures
    ) -> np.ndarray:
        """Proportions (n_spots, n_types)."""
        from scipy.optimize import nnls

        profiles = signatures.profiles * signatures.sizes
        weights = np.stack([nnls(profiles, row.toarray()[0])[0] for row in counts])
        total = weights.sum(axis=1, keepdims=True)
        even = np.full(weights.shape, 1.0 / weights.shape[1])
        return np.where(total > 0, weights / np.where(total > 0, total, 1), even)


def _baseline(name: str, *needs: str):
    return system(name, task="deconvolution", needs=needs, status="baseline")


@_baseline("uniform")
def uniform(*, seed: int = 0) -> Uniform:
    """The same share of every type in every spot."""
    return Uniform()


@_baseline("dirichlet")
def dirichlet(*, seed: int = 0) -> RandomDirichlet:
    """Random proportions, Dirichlet(1)."""
    return RandomDirichlet(seed)


@_baseline("nnls", "counts", "reference")
def nnls(*, seed: int = 0) -> NonNegativeLeastSquares:
    """Non-negative least squares on mean profiles."""
    return NonNegativeLeastSquares()


# An ablation of the image says nothing where there is none, so both declare it.
@_baseline("no_image", "counts", "reference", "coordinates", "image")
def no_image(*, seed: int = 0) -> PoissonDeconvolver:
    """The house system, whose image is ignored."""
    return PoissonDeconvolver(image="ignore", seed=seed)


@_baseline("shuffled_image", "counts", "reference", "coordinates", "image")
def shuffled_image(*, seed: int = 0) -> PoissonDeconvolver:
    """The house system, shown the image of random other spots."""
    return PoissonDeconvolver(image="shuffle", seed=seed)
