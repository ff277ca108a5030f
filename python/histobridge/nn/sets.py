"""A spot and its surroundings as a set: order and padding do not matter."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from histobridge.nn.batch import Batch, present


def masked_max(x: Tensor, known: Tensor) -> Tensor:
    """Largest (n, width) over the known of (n, k, width); zeros where none is."""
    lowest = torch.finfo(x.dtype).min
    found = x.masked_fill(~known.unsqueeze(-1), lowest).amax(dim=1)
    return torch.where(known.any(dim=1, keepdim=True), found, torch.zeros_like(found))


def masked_mean(x: Tensor, known: Tensor) -> Tensor:
    """Mean (n, width) over the known of (n, k, width); zeros where none is."""
    weight = known.unsqueeze(-1).to(x.dtype)
    return (x * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)


class DeepSet(nn.Module):
    """The spot, its neighbours and its tiles, each through small networks of its own.

    Several networks per part, of which the median is taken; neighbours are pooled,
    tiles are summed (DeepSpot).

    Parameters
    ----------
    tiles
        Features of a tile; 0 where there are none.
    pool
        ``max`` or ``mean`` over the neighbours that there are.
    """

    def __init__(
        self,
        features: int,
        width: int,
        *,
        tiles: int = 0,
        members: int = 10,
        dropout: float = 0.3,
        pool: str = "max",
    ):
        super().__init__()
        if pool not in ("max", "mean"):
            raise ValueError(f"expected max or mean; found {pool!r}")
        self.pool = masked_max if pool == "max" else masked_mean
        self.own = _ensemble(features, width, members, dropout)
        self.near = _ensemble(features, width, members, dropout)
        self.inside = _ensemble(tiles, width, members if tiles else 0, dropout)

    def forward(self, batch: Batch) -> Tensor:
        """Vectors (n, 2 width), with tiles (n, 3 width)."""
        parts = [[net(batch.features) for net in self.own]]
        there = present(batch.around_known)
        parts.append([self.pool(net(batch.around), there) for net in self.near])
        if len(self.inside):
            parts.append([net(batch.tiles).sum(dim=1) for net in self.inside])
        medians = [torch.stack(part).median(dim=0).values for part in parts]
        return torch.cat(medians, dim=1)


def _ensemble(before: int, after: int, members: int, dropout: float) -> nn.ModuleList:
    return nn.ModuleList(
        nn.Sequential(nn.Linear(before, after), nn.Dropout(dropout), nn.ReLU())
        for _ in range(members)
    )
