"""Encoders: a patch becomes a vector."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from histobridge.contract import ContractError
from histobridge.images.backbones import (
    KNOWN,
    LITE0,
    LITES,
    MEAN,
    SPREAD,
    load_backbone,
)
from histobridge.images.colour import RESOLUTION_MICRONS, colour_features, colour_names
from histobridge.images.texture import SCALES_MICRONS, texture_features, texture_names


@dataclass(frozen=True)
class Encoder:
    """A patch encoder.

    Attributes
    ----------
    name, version
        Identity, part of the cache key.
    pixels
        Output side in pixels for a patch of so many microns.
    encode
        uint8 patches (n, p, p, 3) -> float (n, d).
    columns
        Names of the d columns.
    sides_microns
        Patch sides in microns that it is best used with.
    batch
        Patches per call; 0 for an encoder that sees the whole section instead of
        patches: ``encode(slide, points)``.
    """

    name: str
    version: str
    pixels: Callable[[float], int]
    encode: Callable[..., np.ndarray]
    columns: tuple[str, ...]
    sides_microns: tuple[float, ...] = (200.0,)
    batch: int = 32


def colour() -> Encoder:
    """Colour and texture statistics at a fixed physical resolution."""
    return Encoder(
        name="colour",
        version="1",
        pixels=lambda microns: max(8, round(microns / RESOLUTION_MICRONS)),
        encode=colour_features,
        columns=tuple(colour_names()),
        sides_microns=(112.0, 200.0, 300.0),
        batch=64,
    )


def texture() -> Encoder:
    """Edges, ridges and blobs at seven scales; costs by image area, not by spot."""
    return Encoder(
        name="texture",
        version="1",
        pixels=lambda microns: 0,
        encode=texture_features,
        columns=tuple(texture_names()),
        sides_microns=(2 * SCALES_MICRONS[-1],),
        batch=0,
    )


def torch_encoder(
    name: str,
    version: str = "1",
    prefix: str = "feature",
    sides_microns: tuple[float, ...] = (200.0,),
) -> Encoder:
    """Features of a network of :func:`load_backbone`, 224 pixels a side, mean-pooled.

    Raises
    ------
    ContractError
        Unknown name; library, wheels or file absent.
    """
    import torch

    from histobridge.images.wrappers import flat

    model = load_backbone(name).eval()

    def encode(patches: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy((patches.astype(np.float32) - MEAN) / SPREAD)
        with torch.inference_mode():
            return flat(model(batch.permute(0, 3, 1, 2))).numpy()

    width = encode(np.zeros((1, 224, 224, 3), dtype=np.uint8)).shape[1]
    return Encoder(
        name=name,
        version=version,
        pixels=lambda microns: 224,
        encode=encode,
        columns=tuple(f"{prefix}_{i}" for i in range(width)),
        sides_microns=sides_microns,
    )


def efficientnet_lite0() -> Encoder:
    """EfficientNet-Lite0 with ImageNet weights, mean-pooled.

    Two scales: cells, and the tissue that they are part of.
    """
    return torch_encoder(LITE0, "57934424", "lite0", (200.0, 400.0))


ENCODERS: dict[str, Callable[[], Encoder]] = {
    "colour": colour,
    "texture": texture,
    LITE0: efficientnet_lite0,
}


def find_encoder(name: str) -> Encoder:
    """Encoder by name, or a network of :func:`load_backbone`.

    Raises
    ------
    ContractError
        Naming the encoders there are.
    """
    if name in ENCODERS:
        return ENCODERS[name]()
    if ":" in name or name in LITES:
        return torch_encoder(name)
    if Path(name).is_file():
        # Another file under the same name is another encoder.
        return torch_encoder(name, hashlib.sha256(Path(name).read_bytes()).hexdigest())
    raise ContractError("the name of an encoder", repr(name), [*ENCODERS, *KNOWN[1:]])
