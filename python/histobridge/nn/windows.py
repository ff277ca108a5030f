"""Attention within windows of a map, and between its channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from histobridge.nn.transformer import Attention
from histobridge.nn.unet import PixelNorm


def to_windows(x: Tensor, size: int) -> Tensor:
    """Tokens (n windows, size**2, width) of maps whose sides ``size`` divides."""
    n, width, height, side = x.shape
    x = x.reshape(n, width, height // size, size, side // size, size)
    return x.permute(0, 2, 4, 3, 5, 1).reshape(-1, size * size, width)


def from_windows(tokens: Tensor, shape: torch.Size) -> Tensor:
    """Maps (n, width, height, width') that :func:`to_windows` was given."""
    n, width, height, side = shape
    size = round(tokens.shape[1] ** 0.5)
    x = tokens.reshape(n, height // size, side // size, size, size, width)
    return x.permute(0, 5, 1, 3, 2, 4).reshape(shape)


class WindowAttention(nn.Module):
    """Pixels attend to those of their window, with a bias by relative place.

    What lies beyond the edge of the map is masked and has no influence.
    """

    apart: Tensor

    def __init__(self, width: int, heads: int, window: int):
        super().__init__()
        self.window = window
        self.attention = Attention(width, heads)
        self.bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2))
        row, column = (
            part.flatten()
            for part in torch.meshgrid(
                torch.arange(window), torch.arange(window), indexing="ij"
            )
        )
        apart = (row[:, None] - row + window - 1) * (2 * window - 1)
        apart = apart + column[:, None] - column + window - 1
        self.register_buffer("apart", apart, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, height, width') as it came in."""
        height, side = x.shape[-2:]
        missing = (0, -side % self.window, 0, -height % self.window)
        padded = pad(x, missing)
        there = pad(torch.ones_like(x[:, :1]), missing)
        tokens = to_windows(padded, self.window)
        known = to_windows(there, self.window)[..., 0] > 0
        bias = self.bias[self.apart].expand(len(tokens), -1, -1)
        bias = bias.masked_fill(~known.unsqueeze(1), torch.finfo(x.dtype).min)
        out = self.attention(tokens, mask=bias.to(tokens.dtype))
        return from_windows(out, padded.shape)[..., :height, :side]


class SpectralAttention(nn.Module):
    """Channels attend to channels: how alike they are over the whole map."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.parts = nn.Conv2d(width, 3 * width, 1)
        self.sharpness = nn.Parameter(torch.ones(heads, 1, 1))
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, height, width') as it came in."""
        n, width, height, side = x.shape
        shape = (n, self.heads, width // self.heads, height * side)
        query, key, value = (p.reshape(shape) for p in self.parts(x).chunk(3, dim=1))
        alike = normalize(query, dim=-1) @ normalize(key, dim=-1).transpose(-1, -2)
        found = (alike * self.sharpness).softmax(dim=-1) @ value
        return self.out(found.reshape(x.shape))


class WindowBlock(nn.Module):
    """Window attention, channel attention and a locally mixing network (LeWin).

    Wang et al. 2022, CVPR (Uformer), for windows and mixing; channel attention
    after Zamir et al. 2022, CVPR (Restormer).
    """

    def __init__(self, width: int, *, heads: int = 2, window: int = 8):
        super().__init__()
        self.norms = nn.ModuleList(PixelNorm(width) for _ in range(3))
        self.parts = nn.ModuleList(
            [
                WindowAttention(width, heads, window),
                SpectralAttention(width, heads),
                nn.Sequential(
                    nn.Conv2d(width, 2 * width, 1),
                    nn.GELU(),
                    nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width),
                    nn.GELU(),
                    nn.Conv2d(2 * width, width, 1),
                ),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, width, height, width') as it came in."""
        for norm, part in zip(self.norms, self.parts, strict=True):
            x = x + part(norm(x))
        return x
