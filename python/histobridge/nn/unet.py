"""U-shaped networks: a map for every pixel, seen near and from afar."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

Block = Callable[[int], nn.Module]


class PixelNorm(nn.Module):
    """Layer normalisation over the channels of every pixel.

    Statistics of a whole patch would paint a pixel by what else its tile holds, and
    tiles would show.
    """

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, height, width') as it came in."""
        return self.norm(x.movedim(1, -1)).movedim(-1, 1)


class Convolutions(nn.Module):
    """Two convolutions around a shortcut; side and width stay."""

    def __init__(self, width: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            PixelNorm(width),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, height, width') as it came in."""
        return x + self.body(x)


class UNet(nn.Module):
    """Narrow and widen again, beside what was seen at every level.

    Ronneberger et al. 2015, MICCAI.

    Parameters
    ----------
    width
        Channels at full size and of the result; doubled at every level.
    levels
        How often the side is halved.
    block
        ``block(width)``: what is done at a level, see :class:`Convolutions` and
        the blocks of :mod:`histobridge.nn.windows`.
    """

    def __init__(self, width: int, *, levels: int = 3, block: Block = Convolutions):
        super().__init__()
        widths = [width * 2**i for i in range(levels + 1)]
        self.levels = levels
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.down = nn.ModuleList(block(w) for w in widths[:-1])
        self.halve = nn.ModuleList(
            nn.Conv2d(w, 2 * w, 2, stride=2) for w in widths[:-1]
        )
        self.bottom = block(widths[-1])
        self.narrow = nn.ModuleList(nn.Conv2d(2 * w, w, 1) for w in widths[:-1])
        self.join = nn.ModuleList(nn.Conv2d(2 * w, w, 1) for w in widths[:-1])
        self.up = nn.ModuleList(block(w) for w in widths[:-1])

    def forward(self, patches: Tensor) -> Tensor:
        """Maps (n, width, height, width') of normalised patches of any side."""
        height, side = patches.shape[-2:]
        step = 2**self.levels
        missing = (0, -side % step, 0, -height % step)
        x, seen = self.stem(pad(patches, missing, mode="replicate")), []
        for block, halve in zip(self.down, self.halve, strict=True):
            x = block(x)
            seen.append(x)
            x = halve(x)
        x = self.bottom(x)
        for level in reversed(range(self.levels)):
            x = interpolate(self.narrow[level](x), scale_factor=2, mode="nearest")
            x = self.up[level](self.join[level](torch.cat([x, seen[level]], dim=1)))
        return x[..., :height, :side]
