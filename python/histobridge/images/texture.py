"""A bank of derivative filters over the whole section, read off at every spot.

Edges, ridges, blobs and their contrast at seven scales from 4 to 256 microns, in
the optical density of red, green and blue (the responses of Freeman & Adelson,
1991, and of Lindeberg, 1998, without orientation). The cost depends on the area of
the image and not on the number of spots.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from histobridge.images.slides import BACKGROUND, Slide

FINEST_MICRONS = 4.0
"""Microns per pixel of the finest level, whatever the scan."""

SCALES_MICRONS = (4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
RESPONSES = ("mean", "edge", "bright_ridge", "blob", "hollow", "dark_ridge", "contrast")
POOL_MICRONS = 40.0
"""Responses are averaged with a Gaussian of this width, or of half the scale."""

INK = 30
"""A pixel with no channel above this is a mask around the tissue, not tissue."""


def texture_names() -> list[str]:
    """Names of the columns of :func:`texture_features`."""
    return [
        f"{channel}_{response}_{scale:g}um"
        for channel in ("red", "green", "blue")
        for scale in SCALES_MICRONS
        for response in RESPONSES
    ]


def texture_features(slide: Slide, points: np.ndarray) -> np.ndarray:
    """Square roots of pooled filter responses, (n_points, 147).

    Parameters
    ----------
    slide
        One section.
    points
        (n, 2) centres as (x, y) image pixels.
    """
    density = optical_density(slide, FINEST_MICRONS)
    places = np.asarray(points, dtype=float) * slide.microns_per_pixel
    columns = [
        column
        for channel in range(3)
        for column in _responses(density[..., channel], places)
    ]
    return np.sqrt(np.maximum(np.stack(columns, axis=1), 0.0))


def optical_density(slide: Slide, microns: float) -> np.ndarray:
    """Optical density (height, width, 3) of the whole image at a resolution."""
    from PIL import Image

    step = microns / slide.microns_per_pixel
    height, width = (max(1, int(side / step)) for side in (slide.height, slide.width))
    out = np.empty((height, width, 3), dtype=np.float32)
    rows = max(1, int(4096 / step))
    for first in range(0, height, rows):
        last = min(first + rows, height)
        top = int(first * step)
        bottom = min(int(np.ceil(last * step)), slide.height)
        strip = Image.fromarray(slide.read(0, top, slide.width, bottom - top))
        box = (0, first * step - top, width * step, min(last * step, bottom) - top)
        size = (width, last - first)
        small = np.array(strip.resize(size, Image.Resampling.BOX, box))
        small[small.max(axis=2) < INK] = BACKGROUND
        out[first:last] = -np.log10(np.maximum(small, 1).astype(np.float32) / 255)
    return out


def _responses(density: np.ndarray, places: np.ndarray) -> Iterator[np.ndarray]:
    microns = FINEST_MICRONS
    for scale in SCALES_MICRONS:
        # Two pixels per sigma are enough for derivatives.
        while scale > 2 * microns and min(density.shape) > 8:
            density, microns = _halved(density), 2 * microns
        smooth = ndimage.gaussian_filter(density, scale / microns)
        pool = max(POOL_MICRONS, scale / 2)
        for response in _derivatives(smooth, scale / microns):
            yield _read(response, microns, pool, places)
        mean = _read(smooth, microns, pool, places)
        square = _read(smooth**2, microns, pool, places)
        yield np.sqrt(np.maximum(square - mean**2, 0.0))


def _derivatives(smooth: np.ndarray, sigma: float) -> Iterator[np.ndarray]:
    """Density, gradient and curvatures, scale-normalised (Lindeberg 1998)."""
    yield smooth
    gy, gx = np.gradient(smooth)
    yield sigma * np.hypot(gx, gy)
    hyy, hyx = np.gradient(gy)
    hxx = np.gradient(gx, axis=1)
    mean = (hyy + hxx) / 2
    spread = np.hypot((hyy - hxx) / 2, hyx)
    for curvature in (mean + spread, mean - spread):
        yield sigma**2 * np.maximum(curvature, 0.0)
        yield sigma**2 * np.maximum(-curvature, 0.0)


def _read(
    response: np.ndarray, microns: float, pool: float, places: np.ndarray
) -> np.ndarray:
    """Response averaged around ``places`` (n, 2) in microns."""
    while 4 * microns <= pool and min(response.shape) > 8:
        response, microns = _halved(response), 2 * microns
    pooled = ndimage.gaussian_filter(response, pool / microns)
    # The centre of the first pixel lies half a pixel inside the image.
    at = places[:, ::-1].T / microns - 0.5
    return ndimage.map_coordinates(pooled, at, order=1, mode="nearest")


def _halved(image: np.ndarray) -> np.ndarray:
    height, width = (side // 2 * 2 for side in image.shape)
    even = image[:height, :width]
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
