"""What the lattice of an array tells about pixels, and whether spots fit an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from histobridge import contract, keys
from histobridge.contract import ContractError

_MISFIT = 0.05
_SIZES_DIFFER = 0.02


def microns_of_lattice(points: np.ndarray, microns: np.ndarray) -> float | None:
    """Microns per pixel from known positions on an array, turned or mirrored.

    Parameters
    ----------
    points
        (n, 2) spots in pixels.
    microns
        (n, 2) the same spots on the array, in microns.

    Returns
    -------
    ``None`` where the two do not agree up to a turn, a mirror and a factor.
    """
    if len(points) < 3:
        return None
    x = points - points.mean(axis=0)
    y = microns - microns.mean(axis=0)
    if not (x**2).sum() or not (y**2).sum():
        return None
    # Orthogonal Procrustes: the factor is the sum of singular values.
    factor = np.linalg.svd(x.T @ y, compute_uv=False).sum() / (x**2).sum()
    explained = factor**2 * (x**2).sum() / (y**2).sum()
    return float(factor) if 1 - explained < _MISFIT else None


def picture_size(image: Any) -> tuple[int, int] | None:
    """Width and height, from the header of a file or an array.

    Raises
    ------
    ContractError
        When the file is damaged.
    """
    if isinstance(image, np.ndarray):
        return image.shape[1], image.shape[0]
    path = Path(image)
    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            import tifffile

            with tifffile.TiffFile(path) as file:
                page: Any = file.series[0].pages[0]
                return page.imagewidth, page.imagelength
        if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".bmp", ".webp"):
            return None
        from PIL import Image

        with Image.open(path) as picture:
            return picture.size
    except Exception as error:
        found = f"{path.name!r}: {type(error).__name__}: {error}"
        raise ContractError("an image file that can be read", found) from error


def library(
    images: dict[str, str], factors: dict[str, Any], points: np.ndarray, section: str
) -> dict[str, Any]:
    """Entry of ``uns["spatial"]``, refused where spots lie outside an image.

    Raises
    ------
    ContractError
        When a scale factor is absent or no positive number, spots lie outside, or
        two images say that the slide has different sizes.
    """
    whole: dict[str, np.ndarray] = {}
    for name, image in images.items():
        key = keys.scale_factor(name)
        scale = contract.positive(factors.get(key), f"scale factor {key!r}", factors)
        size = picture_size(image)
        if size is None:
            continue
        whole[name] = np.array(size) / scale
        outside = ((points < 0) | (points * scale > np.array(size))).any(axis=1)
        if outside.any():
            raise ContractError(
                f"spots of {section!r} inside image {name!r} of {size[0]} x {size[1]} "
                f"pixels, at {key} = {scale:g}",
                f"{int(outside.sum())} of {len(points)} outside",
                "check the scale factor, the image and the order of x and y",
            )
    _one_size(whole, section)
    return {
        keys.IMAGES: dict(images),
        keys.SCALE_FACTORS: {k: v for k, v in factors.items() if v is not None},
        keys.IMAGE_METADATA: {},
    }


def _one_size(whole: dict[str, np.ndarray], section: str) -> None:
    """Refuse images that cannot be of one slide: a factor of them is wrong."""
    for name, size in whole.items():
        first, reference = next(iter(whole.items()))
        if (np.abs(size / reference - 1) > _SIZES_DIFFER).any():
            raise ContractError(
                f"images {first!r} and {name!r} of {section!r} with scale factors of "
                "one slide",
                f"{reference.round()} and {size.round()} full-resolution pixels",
            )
