"""A linear stain: colours of a pixel and of its surroundings, weighed by a ridge.

A linear map commutes with the mean over a spot. So weights that were fitted to the
means of spots paint pixels as well, and nothing has to be learnt by descent.
"""

from __future__ import annotations

import numpy as np

from histobridge.images.colour import separate_stains
from histobridge.staining.lesson import Lesson
from histobridge.staining.stainer import Stainer, disc_mean

SIGMAS_MICRONS = (4.0, 12.0, 36.0)
"""Widths of the Gaussian surroundings in microns."""

PENALTIES = tuple(10.0**i for i in range(-1, 6))
PIXELS_PER_PATCH = 64


def pixel_features(pixels: np.ndarray, pixel_microns: float) -> np.ndarray:
    """Densities near and around every pixel (n, features, side, side).

    Haematoxylin, eosin and residual as they are, their mean over each Gaussian
    surrounding, and their spread in it.
    """
    from scipy.ndimage import gaussian_filter

    stains = np.moveaxis(separate_stains(pixels), -1, 1).astype(np.float32)
    found = [stains]
    for sigma in SIGMAS_MICRONS:
        width = (0, 0, sigma / pixel_microns, sigma / pixel_microns)
        mean = gaussian_filter(stains, width, mode="nearest")
        square = gaussian_filter(stains**2, width, mode="nearest")
        found += [mean, np.sqrt(np.maximum(square - mean**2, 0))]
    return np.concatenate(found, axis=1)


class LinearStainer(Stainer):
    """Ridge from :func:`pixel_features`: pixels of stains, means of spots of markers.

    Attributes
    ----------
    weights_, shift_
        (features, channels) and (channels,), of standardised channels.
    """

    def _fit(self, lesson: Lesson, held: np.ndarray) -> None:
        from sklearn.linear_model import RidgeCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        lesson = lesson.take(np.flatnonzero(~held))
        features = self._features(lesson.pixels)
        tasks = []
        if lesson.maps.shape[1]:
            tasks.append(self._of_pixels(features, lesson.maps))
        if lesson.values.shape[1]:
            tasks.append((disc_mean(features, lesson.disc), lesson.values))
        weights, shifts = [], []
        for x, y in tasks:
            model = make_pipeline(
                StandardScaler(), RidgeCV(PENALTIES, alpha_per_target=True)
            ).fit(x, y)
            scaler, ridge = model[0], model[1]
            weight = ridge.coef_.reshape(y.shape[1], -1).T / scaler.scale_[:, None]
            weights.append(weight)
            shifts.append(ridge.intercept_ - scaler.mean_ @ weight)
        self.weights_ = np.concatenate(weights, axis=1)
        self.shift_ = np.concatenate(shifts)

    def _of_pixels(
        self, features: np.ndarray, maps: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Some pixels of every patch."""
        rng = np.random.default_rng(self.options.seed)
        n, side = len(maps), maps.shape[-1]
        at = rng.integers(side**2, size=(n, 1, PIXELS_PER_PATCH))
        rows = [
            np.take_along_axis(part.reshape(n, part.shape[1], -1), at, axis=2)
            for part in (features, maps)
        ]
        x, y = (np.moveaxis(row, 1, 2).reshape(-1, row.shape[1]) for row in rows)
        return x, y

    def _features(self, pixels: np.ndarray) -> np.ndarray:
        return pixel_features(pixels, self.patch.microns / self.patch.pixels)

    def _paint(self, pixels: np.ndarray) -> np.ndarray:
        painted = np.einsum("nfhw,fc->nchw", self._features(pixels), self.weights_)
        return painted + self.shift_[:, None, None]
