"""The ladder for resolution: interpolation that never sees the image, and controls."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy.sparse as sp

from histobridge import graphs
from histobridge.registry import system
from histobridge.resolution.house import RegressionKriging
from histobridge.resolution.interpolation import Interpolator, inverse_distance
from histobridge.resolution.kriging import ridge_trend
from histobridge.resolution.problem import Problem
from histobridge.resolution.subspots import SmoothComponents


def _nearest(problem: Problem) -> sp.csr_matrix:
    own = problem.nearest_spot()
    shape = (len(own), len(problem.spots))
    return sp.csr_matrix((np.ones(len(own)), (np.arange(len(own)), own)), shape=shape)


def _bilinear(problem: Problem) -> sp.csr_matrix:
    """Barycentric weights in the triangle of spots; the nearest spot outside."""
    from scipy.spatial import Delaunay, QhullError

    try:
        mesh = Delaunay(problem.spots)
    except (QhullError, ValueError):
        return _nearest(problem)  # Too few spots, or all on one line.
    triangle = mesh.find_simplex(problem.points)
    inside = np.flatnonzero(triangle >= 0)
    affine = mesh.transform[triangle[inside]]
    offset = problem.points[inside] - affine[:, 2]
    first = np.einsum("nij,nj->ni", affine[:, :2], offset)
    weight = np.column_stack([first, 1 - first.sum(axis=1)])
    row = np.repeat(inside, 3)
    column = mesh.simplices[triangle[inside]].ravel()
    shape = (len(problem.points), len(problem.spots))
    within = sp.csr_matrix((weight.ravel(), (row, column)), shape=shape)
    outside = sp.diags((triangle < 0).astype(float))
    return (within + outside @ _nearest(problem)).tocsr()


class ImageOnly:
    """Ridge from image features to counts per point, blind to position."""

    def fit_predict(self, problem: Problem) -> np.ndarray:
        """Expected counts of every point, (n_points, n_genes)."""
        features = problem.image()
        trend = ridge_trend(problem.spot_mean(features), problem.density())
        return trend.predict(features)


class OtherImage:
    """The house system, shown the image of other points.

    Parameters
    ----------
    seed
        Of the random order; ``None`` turns the image by half instead, which keeps
        it as smooth as it was.
    """

    def __init__(self, seed: int | None):
        self.seed = seed

    def fit_predict(self, problem: Problem) -> np.ndarray:
        """Expected counts of every point, (n_points, n_genes)."""
        if self.seed is None:
            turned = problem.points.min(axis=0) + problem.points.max(axis=0)
            order = graphs.nearest(problem.points, 1, turned - problem.points)[1][:, 0]
        else:
            order = np.random.default_rng(self.seed).permutation(len(problem.points))
        other = dataclasses.replace(problem, features=problem.image()[order])
        return RegressionKriging().fit_predict(other)


def _baseline(name: str, *needs: str):
    return system(name, task="resolution", needs=needs, status="baseline")


@_baseline("nearest", "counts", "coordinates")
def nearest(*, seed: int = 0) -> Interpolator:
    """Every point takes the spot of nearest centre."""
    return Interpolator(_nearest)


@_baseline("bilinear", "counts", "coordinates")
def bilinear(*, seed: int = 0) -> Interpolator:
    """Linear interpolation between the three spots around a point."""
    return Interpolator(_bilinear)


@_baseline("inverse_distance", "counts", "coordinates")
def inverse_distance_weights(*, neighbours: int = 6, seed: int = 0) -> Interpolator:
    """Inverse squared distances to the six nearest spots."""
    return Interpolator(
        lambda problem: inverse_distance(problem.spots, problem.points, neighbours)
    )


@_baseline("pc_mean", "counts", "coordinates")
def pc_mean(*, seed: int = 0) -> SmoothComponents:
    """Smoothed principal components, mean kept per spot, regressed back to genes."""
    return SmoothComponents(seed=seed)


@_baseline("image_only", "counts", "image")
def image_only(*, seed: int = 0) -> ImageOnly:
    """Ridge from image features to expression, blind to position."""
    return ImageOnly()


@_baseline("shuffled_image", "counts", "coordinates", "image")
def shuffled_image(*, seed: int = 0) -> OtherImage:
    """The house system, shown the image of random other points."""
    return OtherImage(seed)


@_baseline("turned_image", "counts", "coordinates", "image")
def turned_image(*, seed: int = 0) -> OtherImage:
    """The house system, shown the image turned by half, as smooth as it was."""
    return OtherImage(None)
