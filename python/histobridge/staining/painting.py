"""Whole sections painted tile by tile, and read again at their spots."""

from __future__ import annotations

import numpy as np

from histobridge import graphs
from histobridge.images.patches import crop_patches
from histobridge.images.slides import Slide
from histobridge.staining.lesson import View
from histobridge.staining.stainer import Stainer

TILES_AT_ONCE = 64


def paint_section(
    stainer: Stainer,
    slide: Slide,
    points: np.ndarray,
    view: View,
    asked: np.ndarray | None = None,
) -> np.ndarray:
    """Maps (channels, height, width) over the picture of a section.

    Tiles overlap and only their middles are kept, so that there are no seams. What
    is further than a pitch from every spot that is asked for stays NaN.

    Parameters
    ----------
    points
        (n, 2) spots in pixels of the picture.
    view
        A pixel of the map is ``view.pixel_microns`` microns wide.
    asked
        (n,) which spots; default all.
    """
    patch = view.patch
    asked = np.ones(len(points), dtype=bool) if asked is None else asked
    edge = patch.pixels // 8
    core = patch.pixels - 2 * edge
    zoom = slide.microns_per_pixel / view.pixel_microns
    size = np.ceil(np.array([slide.width, slide.height]) * zoom).astype(int)
    reach = graphs.pitch(points) * zoom
    corners = _corners(points[asked] * zoom, size, core, reach)
    out = np.full((len(stainer.mean_), size[1], size[0]), np.nan, dtype=np.float32)
    for start in range(0, len(corners), TILES_AT_ONCE):
        part = corners[start : start + TILES_AT_ONCE]
        tiles = crop_patches(slide, (part + core / 2) / zoom, patch)
        painted = stainer.paint(tiles)[..., edge : edge + core, edge : edge + core]
        for (left, top), tile in zip(part, painted, strict=True):
            place = out[:, top : top + core, left : left + core]
            place[:] = tile[:, : place.shape[1], : place.shape[2]]
    return out


def _corners(
    points: np.ndarray, size: np.ndarray, core: int, reach: float
) -> np.ndarray:
    """Left and top (k, 2) of the tiles within reach of some spot."""
    across, down = (np.arange(0, n, core) for n in size)
    corners = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
    apart, _ = graphs.nearest(points, 1, corners + core / 2)
    return corners[apart[:, 0] <= reach + core / 2**0.5]


def spot_values(maps: np.ndarray, points: np.ndarray, radius: float) -> np.ndarray:
    """Mean (n, channels) of maps (channels, height, width) over discs.

    Parameters
    ----------
    points, radius
        Centres (n, 2) as (x, y) and radius in pixels of the map.
    """
    reach = int(np.ceil(radius)) + 1
    step = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2), axis=-1)
    pixel = np.floor(points).astype(int)[:, None] + step.reshape(-1, 2)
    apart = np.linalg.norm(pixel + 0.5 - points[:, None], axis=2)
    # The pixel under the centre counts even where the spot is smaller.
    inside = (apart <= radius) | (apart == apart.min(axis=1, keepdims=True))
    height, width = maps.shape[1:]
    x, y = pixel[..., 0].clip(0, width - 1), pixel[..., 1].clip(0, height - 1)
    found = maps[:, y, x]
    inside = inside & np.isfinite(found).all(axis=0)
    total = np.where(inside, found, 0.0).sum(axis=2)
    return (total / inside.sum(axis=1)).T


def nearest_owner(
    shape: tuple[int, int], points: np.ndarray, owner: np.ndarray
) -> np.ndarray:
    """Owner of the spot nearest to every pixel of a map, int (height, width)."""
    height, width = shape
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    pixels = np.column_stack([x.ravel(), y.ravel()])
    return owner[graphs.nearest(points, 1, pixels)[1][:, 0]].reshape(shape)
