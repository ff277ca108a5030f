"""Pixels of any kind as uint8 RGB; what is no picture is refused."""

from __future__ import annotations

import numpy as np

from histobridge.contract import ContractError

BACKGROUND = 255


def as_rgb(image: np.ndarray, name: str, deep: bool | None = None) -> np.ndarray:
    """View or copy as uint8 (height, width, 3).

    Grey becomes three channels; transparent pixels become background; floats up to
    1 are shares of 255; whole numbers above 255 are taken to have 16 bits.

    Parameters
    ----------
    deep
        Whether whole numbers have 16 bits, where one part of an image cannot tell.

    Raises
    ------
    ContractError
        When the array is empty, has 2 or more than 4 channels, or values that no
        picture has.
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.ndim not in (2, 3) or channels not in (1, 3, 4) or 0 in image.shape:
        raise ContractError(
            f"an image {name!r} of height x width x 1, 3 or 4 channels",
            f"shape {image.shape}",
        )
    image = _bytes(image, name, deep)
    if image.ndim == 2:
        return np.repeat(image[..., None], 3, axis=2)
    if channels == 4 and (image[..., 3] < 255).any():
        # What lies under transparent pixels is not tissue.
        share = image[..., 3:] / 255.0
        blended = image[..., :3] * share + BACKGROUND * (1 - share)
        return np.round(blended).astype(np.uint8)
    return image[..., :3]


def _bytes(image: np.ndarray, name: str, deep: bool | None) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    if image.dtype == bool:
        return image.astype(np.uint8) * 255
    if image.dtype.kind not in "fiu":
        raise ContractError(f"numbers in image {name!r}", f"type {image.dtype}")
    low, high = image.min(), image.max()
    most = 255 if image.dtype.kind == "f" else 65535
    if not (low >= 0 and high <= most):
        raise ContractError(
            f"values of image {name!r} between 0 and {most}", f"{low} to {high}"
        )
    if image.dtype.kind == "f":
        top = 255 if high <= 1 else 1
        return np.clip(np.round(image * top), 0, 255).astype(np.uint8)
    deep = bool(high > 255) if deep is None else deep
    return (image >> 8 if deep else image).astype(np.uint8)
