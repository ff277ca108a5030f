"""Attention over sub-patches, over neighbours and over the spots of a section."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from histobridge.nn.batch import Batch


class Attention(nn.Module):
    """Multi-head attention from ``x`` to ``source`` (itself by default).

    Attributes
    ----------
    watch
        Called with the weights (b, heads, n, m) of every pass, where it is set.
    """

    watch: Callable[[Tensor], None] | None = None

    def __init__(self, width: int, heads: int, dropout: float = 0.0):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Tensor, source: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """(b, n, width) from (b, n, width), (b, m, width) and bool or bias (b, n, m).

        What ``mask`` forbids has no influence at all; who may attend to nothing
        gets zeros.
        """
        source = x if source is None else source
        split = (*x.shape[:1], -1, self.heads, x.shape[-1] // self.heads)
        query = self.query(x).view(split).transpose(1, 2)
        key, value = self.key_value(source).chunk(2, dim=-1)
        key, value = (part.reshape(split).transpose(1, 2) for part in (key, value))
        lonely = None
        if mask is not None and mask.dtype == torch.bool:
            lonely = ~mask.any(dim=-1)
            mask = (mask | lonely.unsqueeze(-1)).unsqueeze(1)
        elif mask is not None and mask.dim() == 3:
            mask = mask.unsqueeze(1)
        dropout = self.dropout if self.training else 0.0
        if self.watch is None:
            found = scaled_dot_product_attention(query, key, value, mask, dropout)
        else:
            weights = _weights(query, key, mask)
            self.watch(weights)
            found = weights @ value
        out = self.out(found.transpose(1, 2).reshape(x.shape))
        return out if lonely is None else out.masked_fill(lonely.unsqueeze(-1), 0.0)


def _weights(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
    logits = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    if mask is None:
        return logits.softmax(dim=-1)
    if mask.dtype == torch.bool:
        return logits.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    return (logits + mask).softmax(dim=-1)


class TransformerLayer(nn.Module):
    """Attention and a two-layer network, normalised before, added after."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0, hidden: int = 2):
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, hidden * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden * width, width),
        )

    def forward(
        self, x: Tensor, source: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """(b, n, width) as it came in."""
        x = x + self.attention(self.before(x), source, mask)
        return x + self.mlp(x)


class SlideTransformer(nn.Module):
    """Every spot attends to every spot of its own section, never to another's."""

    def __init__(self, width: int, *, layers: int, heads: int, dropout: float = 0.0):
        super().__init__()
        self.layers = nn.ModuleList(
            TransformerLayer(width, heads, dropout) for _ in range(layers)
        )

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """(n, width) as it came in."""
        out = torch.empty_like(x)
        for section in batch.section.unique():
            rows = batch.section == section
            part = x[rows].unsqueeze(0)
            for layer in self.layers:
                part = layer(part)
            out[rows] = part.squeeze(0).to(out.dtype)
        return out


class NeighbourAttention(nn.Module):
    """A spot attends to itself and to its neighbours, with a bias by distance rank."""

    def __init__(
        self,
        width: int,
        neighbours: int,
        *,
        layers: int,
        heads: int,
        dropout: float = 0,
    ):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(neighbours + 1, width))
        self.layers = nn.ModuleList(
            TransformerLayer(width, heads, dropout) for _ in range(layers)
        )

    def forward(self, x: Tensor, around: Tensor, known: Tensor) -> Tensor:
        """(n, 1 + k, width) tokens of the spot (n, width) and of (n, k, width)."""
        tokens = torch.cat([x.unsqueeze(1), around], dim=1)
        tokens = tokens + self.place[: tokens.shape[1]]
        own = torch.ones_like(known[:, :1])
        seen = torch.cat([own, known], dim=1)
        mask = seen.unsqueeze(1).expand(-1, seen.shape[1], -1)
        for layer in self.layers:
            tokens = layer(tokens, mask=mask)
        return tokens
