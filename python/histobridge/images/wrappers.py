"""What stands between this package's patches and a network of another library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from histobridge.images.backbones import MEAN, SPREAD


class Rescaled(nn.Module):
    """A network that expects (pixel / 255 - mean) / spread, scaled exactly once."""

    factor: Tensor
    shift: Tensor

    def __init__(
        self, network: nn.Module, mean: Sequence[float], spread: Sequence[float]
    ):
        super().__init__()
        self.network = network
        centre, width = (torch.tensor(v).view(1, 3, 1, 1) for v in (mean, spread))
        self.register_buffer("factor", SPREAD / 255 / width)
        self.register_buffer("shift", (MEAN / 255 - centre) / width)

    def forward(self, patches: Tensor) -> Tensor:
        """Features of patches scaled as (pixel - 127) / 128."""
        return self.network(patches * self.factor + self.shift)


class FeatureMaps(nn.Module):
    """The maps before the classifier of an EfficientNet."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network: Any = network

    def forward(self, patches: Tensor) -> Tensor:
        """Maps (n, d, side', side')."""
        return self.network.extract_features(patches)


class Pooled(nn.Module):
    """The pooled output of a transformer, else its first token."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, patches: Tensor) -> Tensor:
        """Features (n, d)."""
        out = self.network(pixel_values=patches)
        pooled = getattr(out, "pooler_output", None)
        return out.last_hidden_state[:, 0] if pooled is None else pooled


def flat(features: Tensor) -> Tensor:
    """Features (n, d), the mean where they are maps."""
    return features.mean(dim=(2, 3)) if features.dim() == 4 else features
