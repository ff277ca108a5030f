"""Several views of one spot: joined by outer product, or by attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from histobridge.nn.batch import Batch, present
from histobridge.nn.heads import Linear


class GatedOuterProduct(nn.Module):
    """All products of two vectors, each gated by the other, through a layer.

    Each side keeps what a gate computed from both lets through; a one is appended so
    that the products hold either side alone (tensor fusion, Zadeh et al. 2017).
    """

    def __init__(self, width: int, *, inner: int = 32, dropout: float = 0.25):
        super().__init__()
        self.values = nn.ModuleList(nn.Linear(width, inner) for _ in range(2))
        self.gates = nn.ModuleList(nn.Bilinear(width, width, inner) for _ in range(2))
        self.out = nn.Sequential(
            nn.Dropout(dropout), nn.Linear((inner + 1) ** 2, width), nn.ReLU()
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Vectors (n, width) from two of (n, width)."""
        # torch has no bilinear layer in half precision.
        first, second = first.float(), second.float()
        sides = []
        for x, value, gate in zip(
            (first, second), self.values, self.gates, strict=True
        ):
            kept = torch.sigmoid(gate(first, second)) * torch.relu(value(x))
            sides.append(torch.cat([kept, torch.ones_like(kept[:, :1])], dim=1))
        products = torch.einsum("na,nb->nab", *sides).flatten(1)
        return self.out(products)


class FusedContext(nn.Module):
    """A spot alone and a spot in its graph, joined by a gated outer product."""

    def __init__(self, width: int, graph: nn.Module, *, inner: int = 32):
        super().__init__()
        self.graph = graph
        self.fuse = GatedOuterProduct(width, inner=inner)

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """(n, width) as it came in."""
        return x + self.fuse(x, self.graph(x, batch))


class Scales(nn.Module):
    """Patch, neighbours and section as three branches and their fusion (TRIPLEX).

    Outputs ``mean`` of the fusion and ``branch_*`` of every branch.
    """

    def __init__(
        self,
        target: nn.Module,
        features: int,
        width: int,
        genes: int,
        *,
        neighbours: int,
        edges: str,
        heads: int,
        layers: int,
    ):
        super().__init__()
        from histobridge.nn.position import NeighbourPosition
        from histobridge.nn.transformer import (
            NeighbourAttention,
            SlideTransformer,
            TransformerLayer,
        )

        self.target = target
        self.near_in = nn.Linear(features, width)
        self.wide_in = nn.Linear(features, width)
        self.near = NeighbourAttention(
            width, neighbours, layers=layers, heads=heads, dropout=0.1
        )
        self.place = NeighbourPosition(width, edges)
        self.wide = SlideTransformer(width, layers=layers, heads=heads, dropout=0.3)
        self.ask_near = TransformerLayer(width, heads, 0.1)
        self.ask_wide = TransformerLayer(width, heads, 0.1)
        names = ("target", "near", "wide")
        self.branches = nn.ModuleDict({n: Linear(width, genes) for n in names})
        self.fused = Linear(width, genes, norm=True)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Outputs (n, genes) by name."""
        own = self.target(batch)
        around, there = self.near_in(batch.around), present(batch.around_known)
        near = self.near(self.near_in(batch.features), around, there)
        wide = self.wide(self.place(self.wide_in(batch.features), batch), batch)
        known = torch.cat([torch.ones_like(there[:, :1]), there], dim=1).unsqueeze(1)
        fused = self.ask_near(own.unsqueeze(1), near, known)
        fused = self.ask_wide(fused, wide.unsqueeze(1)).squeeze(1)
        views = {"target": own, "near": near[:, 0], "wide": wide}
        found = {
            f"branch_{name}": self.branches[name](view, batch)["mean"]
            for name, view in views.items()
        }
        return found | self.fused(fused + own + near[:, 0] + wide, batch)
