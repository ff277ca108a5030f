"""Patches cropped in microns around spots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract
from histobridge.contract import ContractError
from histobridge.images.slides import Slide, open_slide

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class PatchGrid:
    """Side of a square patch in microns and in output pixels."""

    microns: float
    pixels: int


def image_positions(slide: Slide, coordinates: np.ndarray, section: str) -> np.ndarray:
    """Spot centres (n, 2) in image pixels, refused when outside the image.

    Raises
    ------
    ContractError
        When a centre lies outside: the usual cause is a wrong scale factor or
        swapped columns.
    """
    points = np.asarray(coordinates, dtype=float) * slide.pixel_scale
    size = np.array([slide.width, slide.height])
    outside = ((points < 0) | (points > size)).any(axis=1)
    if outside.any():
        low, high = points.min(0).round(1), points.max(0).round(1)
        raise ContractError(
            f"spots of section {section!r} inside its image of "
            f"{slide.width} x {slide.height} pixels (coordinates are x, y)",
            f"{int(outside.sum())} of {len(points)} outside; x from {low[0]} to "
            f"{high[0]}, y from {low[1]} to {high[1]}",
        )
    return points


def crop_patches(slide: Slide, points: np.ndarray, grid: PatchGrid) -> np.ndarray:
    """Square patches around ``points`` given in image pixels.

    Parameters
    ----------
    points
        (n, 2) centres as (x, y) image pixels.
    grid
        Side in microns and in output pixels.

    Returns
    -------
    uint8 array (n, pixels, pixels, 3); background where the image ends.
    """
    from PIL import Image
    from PIL.Image import Resampling

    side = max(1, round(grid.microns / slide.microns_per_pixel))
    out = np.empty((len(points), grid.pixels, grid.pixels, 3), dtype=np.uint8)
    # Not np.round: rounding halves to even would shift every other spot by a pixel.
    corners = np.floor(np.asarray(points) - side / 2 + 0.5).astype(int)
    for i, (left, top) in enumerate(corners):
        region = slide.read(int(left), int(top), side, side)
        if side != grid.pixels:
            # Pillow's reducing filters average, so fine texture does not alias.
            how = Resampling.BOX if side > grid.pixels else Resampling.BICUBIC
            picture = Image.fromarray(region)
            region = np.asarray(picture.resize((grid.pixels, grid.pixels), how))
        out[i] = region
    return out


def spot_patches(
    adata: AnnData,
    spots: np.ndarray,
    grid: PatchGrid,
    stain: str | None = None,
    image_id: str | None = None,
) -> np.ndarray:
    """Patches around ``spots``, uint8 (n, pixels, pixels, 3), section by section.

    ``stain`` and ``image_id`` as in :func:`histobridge.images.slides.open_slide`.

    Raises
    ------
    ContractError
        When a section has no image, or spots lie outside it.
    """
    out = np.empty((len(spots), grid.pixels, grid.pixels, 3), dtype=np.uint8)
    names = contract.section_names(adata).to_numpy()[spots]
    points = contract.coordinates(adata)[spots]
    for section in dict.fromkeys(names):
        rows = np.flatnonzero(names == section)
        slide = open_slide(adata, section, image_id, stain=stain)
        inside = image_positions(slide, points[rows], section)
        out[rows] = crop_patches(slide, inside, grid)
    return out


def split_patches(patches: np.ndarray, parts: int) -> np.ndarray:
    """Tiles (n, parts**2, side, side, 3) of square patches, row by row.

    The side of a patch must be a multiple of ``parts``.
    """
    n, side = patches.shape[:2]
    if side % parts:
        raise ValueError(f"expected a side that {parts} divides; found {side}")
    tiles = patches.reshape(n, parts, side // parts, parts, side // parts, 3)
    return tiles.swapaxes(2, 3).reshape(n, parts**2, side // parts, side // parts, 3)
