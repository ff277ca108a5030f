"""The ladder for translation: what each rung knows is what its name says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract, graphs, keys
from histobridge.evaluation.arms import permuted_image
from histobridge.registry import system
from histobridge.translation.base import Translator
from histobridge.translation.composite import Average
from histobridge.translation.ridge import View, ViewRidge
from histobridge.translation.systems.ridge_plus import ridge_plus

if TYPE_CHECKING:
    from anndata import AnnData

NEIGHBOURS = 8


class TrainMean(Translator):
    """Mean of the training spots."""

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        self.mean_ = target.mean(axis=0)

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        return np.tile(self.mean_, (len(spots), 1))


class DepthScalar(Translator):
    """Straight line in the log of the *test* spot's total counts."""

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        depth = np.log(np.maximum(contract.depth(adata)[spots], 1))
        self.level_, self.mean_ = depth.mean(), target.mean(axis=0)
        centred = depth - self.level_
        self.slope_ = centred @ target / max(float(centred @ centred), 1e-12)

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        depth = np.log(np.maximum(contract.depth(adata)[spots], 1))
        return self.mean_ + (depth - self.level_)[:, None] * self.slope_


class SectionCopy(Translator):
    """Copy of the spot at the same place of the other training sections.

    Sections are laid over each other by their centres; the nearest spot of every
    other section is averaged. Without another section it is the training mean.
    """

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        names = contract.section_names(adata).to_numpy()[spots]
        places = centred_positions(adata)[spots]
        self.mean_ = target.mean(axis=0)
        self.sections_ = {
            name: (places[names == name], target[names == name])
            for name in dict.fromkeys(names)
        }

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        names = contract.section_names(adata).to_numpy()[spots]
        places = centred_positions(adata)[spots]
        out = np.empty((len(spots), len(self.mean_)))
        for name in np.unique(names):
            rows = names == name
            copies = [
                values[graphs.nearest(points, 1, places[rows])[1][:, 0]]
                for other, (points, values) in self.sections_.items()
                if other != name
            ]
            out[rows] = np.mean(copies, axis=0) if copies else self.mean_
        return out


class CoordinatesKNN(Translator):
    """Distance-weighted mean of the nearest training spots of the same section.

    A section without training spots borrows from all others, centres aligned.
    """

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        self.names_ = contract.section_names(adata).to_numpy()[spots]
        self.places_ = graphs.positions_microns(adata)[spots]
        self.centred_ = centred_positions(adata)[spots]
        self.target_ = target

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        names = contract.section_names(adata).to_numpy()[spots]
        places, centred = graphs.positions_microns(adata), centred_positions(adata)
        out = np.empty((len(spots), self.target_.shape[1]))
        for name in np.unique(names):
            rows, mine = names == name, self.names_ == name
            known, asked = self.places_[mine], places[spots[rows]]
            if not mine.any():
                mine = np.ones(len(mine), dtype=bool)
                known, asked = self.centred_, centred[spots[rows]]
            distance, found = graphs.nearest(known, NEIGHBOURS, asked)
            weight = 1.0 / np.maximum(distance, 1e-6)
            weight /= weight.sum(axis=1, keepdims=True)
            out[rows] = np.einsum("nk,nkg->ng", weight, self.target_[mine][found])
        return out


class PermutedImages(Average):
    """A translator on images that were shuffled among the spots of a section."""

    def __init__(self, model: Translator, seed: int):
        super().__init__([model])
        self.seed = seed

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        super()._fit(permuted_image(adata, [self.seed, 0]), spots, target)

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        return super()._predict(permuted_image(adata, [self.seed, 1]), spots)


def centred_positions(adata: AnnData) -> np.ndarray:
    """Positions in microns relative to the middle of their section, (n, 2)."""
    points = graphs.positions_microns(adata)
    for spots in contract.sections(adata).values():
        points[spots] -= (points[spots].min(axis=0) + points[spots].max(axis=0)) / 2
    return points


def _baseline(name: str, *needs: str):
    return system(name, task="translation", needs=needs, status="baseline")


@_baseline("train_mean")
def train_mean(*, seed: int = 0) -> TrainMean:
    """Mean of the training spots: gene-wise r is 0, spot-wise r looks good."""
    return TrainMean()


@_baseline("depth_scalar", "depth")
def depth_scalar(*, seed: int = 0) -> DepthScalar:
    """Total counts of the test spot as the only predictor."""
    return DepthScalar()


@_baseline("section_copy", "coordinates")
def section_copy(*, seed: int = 0) -> SectionCopy:
    """Copy of sibling or other patients' sections by position."""
    return SectionCopy()


@_baseline("coordinates_knn", "coordinates")
def coordinates_knn(*, seed: int = 0) -> CoordinatesKNN:
    """Nearest training spots by position, no image."""
    return CoordinatesKNN()


@_baseline("colour_ridge", "image")
def colour_ridge(*, seed: int = 0) -> ViewRidge:
    """Linear ridge on colour and texture of the spot and its 9 nearest."""
    return ViewRidge([View(name) for name in keys.HANDCRAFTED], seed=seed)


@_baseline("encoder_ridge", "image", "encoder")
def encoder_ridge(*, seed: int = 0) -> ViewRidge:
    """Linear ridge on encoder features of the spot and its 9 nearest."""
    return ViewRidge([View("*")], besides=keys.HANDCRAFTED, seed=seed)


@_baseline("permuted_images", "image", "coordinates")
def permuted_images(*, seed: int = 0) -> PermutedImages:
    """The house model after shuffling images among the spots of a section."""
    return PermutedImages(ridge_plus(seed=seed), seed)
