"""Patches as tensors: normalised once, varied in training, turned in testing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from histobridge.images.backbones import MEAN, SPREAD


def normalised(pixels: Tensor) -> Tensor:
    """uint8 (n, side, side, 3) as float (n, 3, side, side) between -1 and 1.

    The only place where pixels are scaled: every encoder takes what this gives.
    Floats from 0 to 255 pass where their gradient is asked for.
    """
    if pixels.dtype != torch.uint8 and not pixels.requires_grad:
        raise ValueError(f"expected uint8 pixels; found {pixels.dtype}")
    # In the order that convolutions expect: with channels last, torch's CPU kernels
    # overwrite memory for some narrow networks (2.13, 8 channels, 64 pixels).
    return ((pixels.float() - MEAN) / SPREAD).permute(0, 3, 1, 2).contiguous()


def symmetries(pixels: Tensor) -> Iterator[Tensor]:
    """Yield the eight turns and flips of square patches (n, side, side, 3)."""
    for flipped in (pixels, pixels.flip(2)):
        for turns in range(4):
            yield torch.rot90(flipped, turns, (1, 2))


@dataclass(frozen=True)
class Augmentation:
    """Random changes of whole patches, one draw per patch.

    Attributes
    ----------
    flip, turn
        Mirror images and quarter turns.
    grey
        Share of patches that lose their colour.
    jitter
        Largest relative change of brightness, contrast and saturation.
    """

    flip: bool = True
    turn: bool = True
    grey: float = 0.0
    jitter: float = 0.0

    def __call__(self, pixels: Tensor) -> Tensor:
        """Changed copy, uint8 as before; draws from torch's seeded state."""
        n, device = len(pixels), pixels.device
        out = pixels.clone()
        if self.flip:
            some = torch.rand(n, device=device) < 0.5
            out[some] = out[some].flip(2)
        if self.turn:
            turns = torch.randint(4, (n,), device=device)
            for turn in (1, 2, 3):
                out[turns == turn] = torch.rot90(out[turns == turn], turn, (1, 2))
        if self.grey or self.jitter:
            out = self._coloured(out.float()).clamp(0, 255).round().to(torch.uint8)
        return out

    def _coloured(self, out: Tensor) -> Tensor:
        n, device = len(out), out.device

        def draw() -> Tensor:
            shift = (2 * torch.rand(n, 1, 1, 1, device=device) - 1) * self.jitter
            return 1 + shift

        if self.jitter:
            out = out * draw()
            level = out.mean(dim=(1, 2, 3), keepdim=True)
            out = (out - level) * draw() + level
            tone = out.mean(dim=3, keepdim=True)
            out = (out - tone) * draw() + tone
        some = torch.rand(n, 1, 1, 1, device=device) < self.grey
        return torch.where(some, out.mean(dim=3, keepdim=True), out)
