"""The ladder for domains."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from histobridge import graphs, keys
from histobridge.images.features import morphology_columns, standardised
from histobridge.integration.embedding import principal_components
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

COMPONENTS = 20


class Rung:
    """A fixed embedding and a clustering of it."""

    def __init__(
        self,
        embed: Callable[[AnnData, int], np.ndarray],
        cluster: Callable[[np.ndarray, int, int], np.ndarray],
        seed: int,
    ):
        self.embed = embed
        self.cluster = cluster
        self.seed = seed

    def fit_predict(self, adata: AnnData, k: int) -> np.ndarray:
        """Label (n_spots,) from 0."""
        self.embedding_ = self.embed(adata, self.seed)
        return self.cluster(self.embedding_, k, self.seed)


def _kmeans(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=10, random_state=seed).fit_predict(x)


def mixture(x: np.ndarray, k: int, seed: int) -> np.ndarray:
    """Label (n,) of the rows of ``x`` by Gaussians of one covariance."""
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(k, covariance_type="tied", random_state=seed)
    return model.fit_predict(x)


def _genes(adata: AnnData, seed: int) -> np.ndarray:
    return principal_components(adata, COMPONENTS, scale=False, seed=seed)


def _genes_smoothed(adata: AnnData, seed: int) -> np.ndarray:
    return graphs.neighbour_mean(
        _genes(adata, seed),
        graphs.positions_microns(adata),
        graphs.section_codes(adata),
        7,
    )


def _image(adata: AnnData, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    columns = np.concatenate(list(morphology_columns(adata).values()))
    features = np.asarray(adata.obsm[keys.MORPHOLOGY])[:, columns]
    features = standardised(features, graphs.section_codes(adata))
    d = min(COMPONENTS, *(s - 1 for s in features.shape))
    return PCA(d, svd_solver="full").fit_transform(features)


def _genes_and_shuffled_image(adata: AnnData, seed: int) -> np.ndarray:
    image = _image(adata, seed)
    order = np.random.default_rng(seed).permutation(len(image))
    return _beside(_genes_smoothed(adata, seed), image[order])


def _genes_and_image(adata: AnnData, seed: int) -> np.ndarray:
    genes = _genes_smoothed(adata, seed)
    if keys.MORPHOLOGY not in adata.obsm:
        return genes
    return _beside(genes, _image(adata, seed))


def _beside(genes: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Genes, and an image with half their weight."""
    image = image / np.sqrt((image**2).sum()) * np.sqrt((genes**2).sum()) / 2
    return np.hstack([genes, image])


def _baseline(name: str, *needs: str):
    return system(name, task="domains", needs=needs, status="baseline")


@_baseline("coordinates_kmeans", "coordinates")
def coordinates_kmeans(*, seed: int = 0) -> Rung:
    """k-means on positions alone."""
    return Rung(lambda adata, seed: graphs.positions_microns(adata), _kmeans, seed)


@_baseline("pca_mixture", "counts")
def pca_mixture(*, seed: int = 0) -> Rung:
    """Gaussian mixture on principal components, no space."""
    return Rung(_genes, mixture, seed)


@_baseline("spatial_mean_mixture", "counts", "coordinates")
def spatial_mean_mixture(*, seed: int = 0) -> Rung:
    """Gaussian mixture on principal components averaged over 7 nearest spots."""
    return Rung(_genes_smoothed, mixture, seed)


@_baseline("image_mixture", "image")
def image_mixture(*, seed: int = 0) -> Rung:
    """Gaussian mixture on image features alone."""
    return Rung(_image, mixture, seed)


@_baseline("shuffled_image_mixture", "counts", "coordinates", "image")
def shuffled_image_mixture(*, seed: int = 0) -> Rung:
    """Genes averaged over neighbours beside an image of other spots."""
    return Rung(_genes_and_shuffled_image, mixture, seed)


def genes_and_image(*, seed: int = 0) -> Rung:
    """Gaussian mixture on averaged genes beside the image; no rung of the ladder."""
    return Rung(_genes_and_image, mixture, seed)
