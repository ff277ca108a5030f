"""Pixels of images between R and Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import keys
from histobridge.contract import ContractError

if TYPE_CHECKING:
    from anndata import AnnData


def pixels(
    values: np.ndarray | bytes, height: int, width: int, channels: int = 3
) -> np.ndarray:
    """View as a uint8 image (height, width, channels) of bytes in that order."""
    return np.frombuffer(values, dtype=np.uint8).reshape(height, width, channels)


def loaded(image: np.ndarray | str) -> np.ndarray:
    """Pixels of an array or a stored picture as uint8 (height, width, channels).

    Floats are taken to lie between 0 and 1; grey becomes three channels.

    Raises
    ------
    ContractError
        When it has other channels, or values that 8 bits have no room for.
    """
    if isinstance(image, str):
        from PIL import Image

        with Image.open(image) as picture:
            return np.asarray(picture.convert("RGB"))
    pixels = np.asarray(image)
    if pixels.dtype.kind == "f":
        pixels = np.round(255 * np.clip(pixels, 0, 1))
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    if pixels.shape[2] not in (3, 4):
        raise ContractError(
            "an image of 1, 3 or 4 channels", f"one of {pixels.shape[2]}"
        )
    if pixels.dtype != np.uint8 and pixels.size and pixels.max() > 255:
        raise ContractError(
            "an image of 8 bits, or of numbers between 0 and 1",
            f"{pixels.dtype} up to {pixels.max()}",
        )
    return pixels.astype(np.uint8)


def pixel_parts(image: np.ndarray) -> dict[str, Any]:
    """Bytes of an image, row by row and channel by channel, for an R raster."""
    image = loaded(image)
    return {
        "bytes": np.ascontiguousarray(image).reshape(-1),
        "size": [int(n) for n in image.shape],
    }


def is_remote(image: Any) -> bool:
    """Whether an image is an address instead of pixels or a file."""
    return isinstance(image, str) and "://" in image


def further(libraries: Any) -> dict[str, Any]:
    """What libraries hold beside images, their scales and the facts R knows."""
    found = {}
    for section, library in libraries.items():
        images = library.get(keys.IMAGES, {})
        known = {keys.scale_factor(name) for name in images}
        known |= {keys.MICRONS_PER_PIXEL, keys.SPOT_DIAMETER}
        factors = library.get(keys.SCALE_FACTORS, {})
        rest = {
            **{k: v for k, v in library.items() if k != keys.IMAGES},
            keys.SCALE_FACTORS: {k: v for k, v in factors.items() if k not in known},
        }
        rest = {k: v for k, v in rest.items() if not (isinstance(v, dict) and not v)}
        if rest:
            found[section] = rest
    return found


def stray(adata: AnnData) -> list[str]:
    """Libraries with images, where ``obs`` knows other sections than all of them."""
    libraries = adata.uns.get(keys.SPATIAL, {})
    imaged = [name for name, entry in libraries.items() if entry.get(keys.IMAGES)]
    if keys.SECTION not in adata.obs:
        return imaged if len(libraries) > 1 else []
    known = set(adata.obs[keys.SECTION].astype(str))
    return [] if not known or known & set(imaged) else imaged
