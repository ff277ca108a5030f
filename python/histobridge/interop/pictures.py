"""Pixels of images between R and Python."""

from __future__ import annotations

from typing import Any

import numpy as np


def pixels(
    values: np.ndarray | bytes, height: int, width: int, channels: int = 3
) -> np.ndarray:
    """View as a uint8 image (height, width, channels) of bytes in that order."""
    return np.frombuffer(values, dtype=np.uint8).reshape(height, width, channels)


def loaded(image: np.ndarray | str) -> np.ndarray:
    """Pixels of an array or a stored picture as uint8 (height, width, channels).

    Floats are taken to lie between 0 and 1; grey becomes three channels.
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
