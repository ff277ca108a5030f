"""Networks that paint maps, taught by pixels or by the mean over a spot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import gelu, l1_loss, mse_loss

from histobridge.nn.pixels import normalised
from histobridge.nn.unet import UNet


@dataclass
class MapBatch:
    """Patches and what is known of them.

    Attributes
    ----------
    pixels
        (n, side, side, 3) uint8.
    disc
        (n, side, side) whether a pixel lies in the spot of its patch.
    maps
        (n, stains, side, side), known for every pixel.
    values
        (n, markers), known as the mean over the spot.
    """

    pixels: Tensor
    disc: Tensor
    maps: Tensor
    values: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: Tensor) -> MapBatch:
        """Some patches."""
        return MapBatch(*(getattr(self, name)[rows] for name in FIELDS))

    def to(self, device: torch.device) -> MapBatch:
        """Copy on ``device``."""
        return MapBatch(*(getattr(self, name).to(device) for name in FIELDS))

    def turned(self, turns: int, flip: bool) -> MapBatch:
        """Patches, discs and maps turned by quarters and mirrored alike."""

        def change(x: Tensor, axes: tuple[int, int]) -> Tensor:
            x = x.flip(axes[1]) if flip else x
            return torch.rot90(x, turns, axes)

        return replace(
            self,
            pixels=change(self.pixels, (1, 2)),
            disc=change(self.disc, (1, 2)),
            maps=change(self.maps, (2, 3)),
        )


FIELDS = ("pixels", "disc", "maps", "values")


def patches(table: MapBatch, size: int, generator: Generator) -> Iterator[MapBatch]:
    """Yield all patches in random order, ``size`` at a time, each batch turned."""
    rows = torch.randperm(len(table), generator=generator)
    for part in rows.tensor_split(max(1, round(len(rows) / size))):
        turns, flip = torch.randint(4, (2,), generator=generator).tolist()
        yield table.take(part).turned(turns, flip % 2 == 1)


def spot_mean(maps: Tensor, disc: Tensor) -> Tensor:
    """Mean (n, channels) of maps (n, channels, side, side) over the spot."""
    inside = disc.unsqueeze(1).to(maps.dtype)
    return (maps * inside).sum(dim=(2, 3)) / inside.sum(dim=(2, 3)).clamp(min=1)


class Painter(nn.Module):
    """Maps of every channel: first the stains, then the markers.

    The loss is the absolute error of the pixels of stains and the squared error of
    the spots of markers, which are weakly supervised.
    """

    def __init__(self, body: nn.Module, paint: nn.Module):
        super().__init__()
        self.body, self.paint = body, paint

    def forward(self, pixels: Tensor) -> Tensor:
        """Maps (n, channels, side, side) of uint8 patches (n, side, side, 3)."""
        return self.paint(self.body(normalised(pixels)))

    def loss(self, batch: MapBatch) -> Tensor:
        """Error of pixels and of spots."""
        return self.error(self(batch.pixels), batch)

    def error(self, found: Tensor, batch: MapBatch) -> Tensor:
        """Error of maps that were found."""
        stains, total = batch.maps.shape[1], found.new_zeros(())
        if stains:
            total = total + l1_loss(found[:, :stains], batch.maps)
        if batch.values.shape[1]:
            means = spot_mean(found[:, stains:], batch.disc)
            total = total + mse_loss(means, batch.values)
        return total


def flat_painter(body: nn.Module, width: int, channels: int) -> Painter:
    """A map per channel by one layer, from zero: training starts at the mean."""
    paint = nn.Conv2d(width, channels, 1)
    for weights in paint.parameters():
        nn.init.zeros_(weights)
    return Painter(body, paint)


class Styles(nn.Module):
    """One decoder for all channels, told by a code which one to paint.

    Codes are Gaussian: drawn in training, the mean afterwards.
    """

    def __init__(self, width: int, channels: int, code: int = 8):
        super().__init__()
        self.mean = nn.Parameter(torch.randn(channels, code))
        self.log_variance = nn.Parameter(torch.full((channels, code), -4.0))
        self.change = nn.Linear(code, 2 * width)
        self.layers = nn.Conv2d(width, width, 1)
        self.out = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, channels, side, side) of content (n, width, side, side)."""
        codes: Tensor = self.mean
        if self.training:
            spread = (self.log_variance / 2).exp()
            codes = codes + spread * torch.randn_like(codes)
        content = self.layers(x)
        painted = []
        for scale, shift in zip(*self.change(codes).chunk(2, dim=1), strict=True):
            styled = content * (1 + scale[:, None, None]) + shift[:, None, None]
            painted.append(self.out(gelu(styled)))
        return torch.cat(painted, dim=1)

    def divergence(self) -> Tensor:
        """Mean divergence of the codes from a standard normal law."""
        variance = self.log_variance.exp()
        return (variance + self.mean.square() - 1 - self.log_variance).mean() / 2


class StyledPainter(Painter):
    """Content once, a style per channel; codes and histograms are held to theirs."""

    paint: Styles

    def __init__(
        self,
        body: nn.Module,
        width: int,
        channels: int,
        *,
        divergence: float = 0.01,
        histogram: float = 0.1,
    ):
        super().__init__(body, Styles(width, channels))
        self.divergence, self.histogram = divergence, histogram

    def error(self, found: Tensor, batch: MapBatch) -> Tensor:
        """Error, divergence of codes and distance of histograms."""
        total = super().error(found, batch) + self.divergence * self.paint.divergence()
        stains = batch.maps.shape[1]
        if stains:
            ours, theirs = found[:, :stains].flatten(2), batch.maps.flatten(2)
            # Sorted values apart: the Wasserstein distance of the histograms.
            apart = l1_loss(ours.sort(dim=2).values, theirs.sort(dim=2).values)
            total = total + self.histogram * apart
        return total


class SeveralPainters(Painter):
    """The mean of the maps of several networks, each taught on its own."""

    def __init__(self, members: Sequence[Painter]):
        super().__init__(nn.Identity(), nn.Identity())
        self.members = nn.ModuleList(members)

    def forward(self, pixels: Tensor) -> Tensor:
        """Maps (n, channels, side, side)."""
        return torch.stack([member(pixels) for member in self.members]).mean(dim=0)

    def loss(self, batch: MapBatch) -> Tensor:
        """Sum of the errors of the members."""
        members = cast("Sequence[Painter]", self.members)
        return torch.stack([member.loss(batch) for member in members]).sum()


def unet_painter(width: int, channels: int, **parts: Any) -> Painter:
    """U-shaped network and a layer per channel."""
    return flat_painter(UNet(width, **parts), width, channels)
