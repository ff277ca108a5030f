"""Encoders: normalised patches (n, 3, side, side) or features become vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from histobridge.nn.batch import Batch, present
from histobridge.nn.pixels import normalised


class Pixels(nn.Module):
    """Encoder of the batch's patches by a network (n, 3, side, side) -> (n, width)."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, batch: Batch) -> Tensor:
        """Vectors (n, width)."""
        return self.network(normalised(present(batch.pixels)))


class Features(nn.Module):
    """Features computed beforehand, through a linear layer unless ``width`` is 0."""

    def __init__(self, features: int, width: int = 0):
        super().__init__()
        self.network = nn.Linear(features, width) if width else nn.Identity()

    def forward(self, batch: Batch) -> Tensor:
        """Vectors (n, width)."""
        return self.network(batch.features)


class FlatPatch(nn.Sequential):
    """All pixels of a patch through one linear layer (HisToGene)."""

    def __init__(self, pixels: int, width: int):
        super().__init__(nn.Flatten(), nn.Linear(3 * pixels**2, width))


class ConvMixer(nn.Module):
    """Convolutions over sub-patches, then depthwise and pointwise mixing (Hist2ST)."""

    def __init__(
        self,
        pixels: int,
        width: int,
        *,
        channels: int = 32,
        depth: int = 2,
        patch: int = 7,
        kernel: int = 5,
    ):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, patch, stride=patch)
        self.mixers = nn.ModuleList(
            nn.ModuleList([_mixing(channels, kernel), _mixing(channels)])
            for _ in range(depth)
        )
        self.reduce = nn.Conv2d(channels, 4, 1)
        self.flat = nn.Linear(4 * (pixels // patch) ** 2, width)

    def forward(self, patches: Tensor) -> Tensor:
        """Vectors (n, width)."""
        x = self.stem(patches)
        for pair in self.mixers:
            depthwise, pointwise = pair.children()
            x = pointwise(x + depthwise(x))
        return self.flat(self.reduce(x).flatten(1))


def _mixing(channels: int, kernel: int | None = None) -> nn.Sequential:
    convolution = (
        nn.Conv2d(channels, channels, 1)
        if kernel is None
        else nn.Conv2d(channels, channels, kernel, groups=channels, padding="same")
    )
    # Statistics of the patch, not of the batch: a section of any size is encoded
    # alike in training and in testing.
    return nn.Sequential(convolution, nn.GELU(), nn.GroupNorm(1, channels))


class ConvNet(nn.Module):
    """Blocks of convolution, normalisation, ReLU and pooling, then the mean."""

    def __init__(
        self,
        width: int,
        *,
        channels: tuple[int, ...] = (32, 64, 128),
        grey: bool = False,
        pool_every: int = 1,
    ):
        super().__init__()
        self.grey = grey
        layers: list[nn.Module] = []
        before = 1 if grey else 3
        for i, after in enumerate(channels):
            layers += [nn.Conv2d(before, after, 3, padding=1)]
            layers += [nn.GroupNorm(1, after), nn.ReLU()]
            if (i + 1) % pool_every == 0:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))
            before = after
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(2 * before, width)

    def maps(self, patches: Tensor) -> Tensor:
        """Feature maps (n, channels, side', side')."""
        if self.grey:
            patches = patches.mean(dim=1, keepdim=True)
        return self.layers(patches)

    def forward(self, patches: Tensor) -> Tensor:
        """Vectors (n, width) of the mean and spread of each map."""
        maps = self.maps(patches).flatten(2)
        spread = maps.var(dim=2, unbiased=False).add(1e-6).sqrt()
        return self.out(torch.cat([maps.mean(dim=2), spread], dim=1))


class Residual(nn.Module):
    """Two convolutions around a shortcut that halves the side."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=2, padding=1),
            nn.GroupNorm(1, after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1),
            nn.GroupNorm(1, after),
        )
        self.shortcut = nn.Conv2d(before, after, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """Maps of half the side."""
        return torch.relu(self.body(x) + self.shortcut(x))


class ResidualNet(nn.Module):
    """A small residual network from scratch; stands in for large backbones."""

    def __init__(self, width: int, *, channels: int = 32, depth: int = 3):
        super().__init__()
        counts = [channels * 2**i for i in range(depth)]
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        pairs = zip([channels, *counts[:-1]], counts, strict=True)
        self.blocks = nn.Sequential(*(Residual(a, b) for a, b in pairs))
        self.out = nn.Linear(counts[-1], width)

    def maps(self, patches: Tensor) -> Tensor:
        """Feature maps (n, channels, side', side')."""
        return self.blocks(torch.relu(self.stem(patches)))

    def forward(self, patches: Tensor) -> Tensor:
        """Vectors (n, width)."""
        return self.out(self.maps(patches).mean(dim=(2, 3)))


class PatchTransformer(nn.Module):
    """Vision transformer over the sub-patches of one patch (EGN)."""

    def __init__(
        self,
        pixels: int,
        width: int,
        *,
        patch: int = 32,
        depth: int = 8,
        heads: int = 8,
    ):
        super().__init__()
        from histobridge.nn.transformer import TransformerLayer

        patch = min(patch, pixels)
        self.stem = nn.Conv2d(3, width, patch, stride=patch)
        tokens = (pixels // patch) ** 2
        self.place = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.layers = nn.ModuleList(
            TransformerLayer(width, heads) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, patches: Tensor) -> Tensor:
        """Vectors (n, width): the mean token."""
        x = self.stem(patches).flatten(2).transpose(1, 2) + self.place
        for layer in self.layers:
            x = layer(x)
        return self.norm(x).mean(dim=1)
