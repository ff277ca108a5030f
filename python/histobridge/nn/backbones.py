"""Backbones by name: from scratch, from a wheel, from a library or from a file."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from histobridge.images.backbones import load_backbone
from histobridge.images.wrappers import flat
from histobridge.nn.encoders import Features, Pixels, ResidualNet
from histobridge.nn.size import Size

FEATURES = "features"


def image_encoder(name: str, size: Size, width: int, *, frozen: bool = False):
    """Encoder of a batch: patches through a backbone, or features made before.

    Parameters
    ----------
    name
        ``features`` (of ``add_morphology``), ``residual`` (a small network from
        scratch), or any name of :func:`histobridge.images.backbones.load_backbone`.
    frozen
        Whether only the last linear layer is trained.

    Raises
    ------
    ContractError
        Unknown name; library or file absent.
    """
    if name == FEATURES:
        return Features(size.features, width)
    if name == "residual":
        channels = max(8, round(64 * size.scale))
        return Pixels(ResidualNet(width, channels=channels))
    return Pixels(Adapted(load_backbone(name), width, frozen))


def reads_pixels(name: str) -> bool:
    """Whether the encoder of this name reads patches and not features."""
    return name != FEATURES


class Adapted(nn.Module):
    """A backbone and a linear layer to the width that is wanted."""

    def __init__(self, network: nn.Module, width: int, frozen: bool):
        super().__init__()
        self.network = network
        # TorchScript modules have no requires_grad_().
        for parameter in network.parameters():
            parameter.requires_grad = not frozen
        with torch.no_grad():
            found = flat(network.eval()(torch.zeros(1, 3, 64, 64)))
        self.out = nn.Linear(found.shape[1], width)

    def train(self, mode: bool = True) -> Adapted:
        """Batch statistics of the backbone stay those it came with."""
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, patches: Tensor) -> Tensor:
        """Vectors (n, width)."""
        return self.out(flat(self.network(patches)))
