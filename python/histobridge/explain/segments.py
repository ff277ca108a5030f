"""Pieces of a patch that are removed as one: superpixels, and nuclei within them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from histobridge.contract import ContractError
from histobridge.images.colour import separate_stains

UNITS = ("superpixels", "nuclei")

SMALLEST_UM2 = 12.0
"""Area of the smallest nucleus."""

COLOUR = 0.5
"""Say of one standard deviation of colour, in sides of a superpixel."""


def segments(
    patch: np.ndarray, um_per_px: float, units: str = "superpixels", count: int = 36
) -> np.ndarray:
    """Segment of every pixel, int (side, side) from 0.

    Superpixels are clusters of pixels by place and optical density (the idea of
    SLIC; Achanta et al. 2012, IEEE TPAMI 34:2274). With ``nuclei`` every nucleus is
    a segment of its own, and superpixels hold the rest.

    Parameters
    ----------
    patch
        uint8 (side, side, 3).
    count
        Superpixels wanted.

    Raises
    ------
    ContractError
        Unknown units.
    """
    if units not in UNITS:
        raise ContractError("the name of units", repr(units), UNITS)
    labels = _superpixels(patch, count)
    if units == "nuclei":
        found, _ = ndimage.label(nuclei(patch, um_per_px))
        labels = np.where(found > 0, labels.max() + found, labels)
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)


def nuclei(patch: np.ndarray, um_per_px: float) -> np.ndarray:
    """Mask (side, side) of nuclei: haematoxylin above Otsu's threshold."""
    stain = separate_stains(patch)[..., 0]
    stain = ndimage.gaussian_filter(stain, 1.0 / max(um_per_px, 1.0))
    found, _ = ndimage.label(stain > _otsu(stain))
    area = np.bincount(found.ravel()) * um_per_px**2
    large = area >= SMALLEST_UM2
    large[0] = False
    return large[found]


def _superpixels(patch: np.ndarray, count: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    side = len(patch)
    density = -np.log((patch.astype(float) + 1) / 256)
    density = ndimage.gaussian_filter(density, (1, 1, 0))
    spread = density.std(axis=(0, 1))
    row, column = np.indices((side, side))
    across = max(1, round(np.sqrt(count)))
    step = side / across
    place = np.stack([row, column], axis=-1) / step
    pixels = np.concatenate([place, COLOUR * density / np.maximum(spread, 1e-6)], 2)
    middle = ((np.arange(across) + 0.5) * step).astype(int)
    seeds = pixels[np.ix_(middle, middle)].reshape(-1, pixels.shape[2])
    means = KMeans(len(seeds), init=seeds, n_init=1, max_iter=10)
    return means.fit_predict(pixels.reshape(-1, pixels.shape[2])).reshape(side, side)


def _otsu(values: np.ndarray) -> float:
    """Threshold of the largest variance between two classes (Otsu 1979)."""
    counts, edges = np.histogram(values, bins=64)
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sums = np.cumsum(counts * middle)
    gap = sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(
        above, 1
    )
    return float(edges[1:-1][(below * above * gap**2).argmax()])
