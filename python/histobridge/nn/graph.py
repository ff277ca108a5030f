"""Message passing between neighbouring spots; an isolated spot listens to itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from histobridge.nn.batch import Batch


def mean_over(x: Tensor, edges: Tensor) -> Tensor:
    """Mean (n, width) over the neighbours of each row; its own where it has none."""
    source, target = edges
    total = torch.zeros_like(x).index_add_(0, target, x[source])
    count = torch.bincount(target, minlength=len(x))
    mean = total / count.clamp(min=1).unsqueeze(1).to(x.dtype)
    return torch.where((count > 0).unsqueeze(1), mean, x)


def with_loops(edges: Tensor, n: int) -> Tensor:
    """Edges and one loop per row, so that nobody is without a neighbour."""
    loops = torch.arange(n, device=edges.device).expand(2, n)
    return torch.cat([edges[:, edges[0] != edges[1]], loops], dim=1)


class GraphSAGE(nn.Module):
    """Layers of mean aggregation; the read-out joins what all layers found.

    Parameters
    ----------
    readout
        ``last``, ``mean`` over layers, or ``lstm``: the layers as a sequence
        through a two-layer LSTM, then their mean (Hist2ST).
    """

    def __init__(self, width: int, *, layers: int, edges: str, readout: str = "last"):
        super().__init__()
        if readout not in ("last", "mean", "lstm"):
            raise ValueError(f"expected last, mean or lstm; found {readout!r}")
        self.edges, self.readout = edges, readout
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.near = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        if readout == "lstm":
            self.lstm = nn.LSTM(width, width, num_layers=2, batch_first=True)

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """(n, width) as it came in."""
        edges, found = batch.edges[self.edges], []
        for own, near in zip(self.own, self.near, strict=True):
            x = torch.relu(own(x) + near(mean_over(x, edges)))
            x = nn.functional.normalize(x, dim=1) * x.shape[1] ** 0.5
            found.append(x)
        if self.readout == "last":
            return x
        layers = torch.stack(found, dim=1)
        if self.readout == "lstm":
            layers = self.lstm(layers)[0]
        return layers.mean(dim=1)


class GraphAttention(nn.Module):
    """Graph attention (GATv1 of torch-geometric) with loops, width kept.

    Parameters
    ----------
    drop_edges
        Share of edges left out in training.
    """

    def __init__(
        self,
        width: int,
        *,
        layers: int,
        heads: int,
        edges: str,
        dropout: float = 0.0,
        drop_edges: float = 0.0,
    ):
        super().__init__()
        from torch_geometric.nn import GATConv

        self.edges, self.drop_edges = edges, drop_edges
        self.layers = nn.ModuleList(
            GATConv(width, width // heads, heads, dropout=dropout, add_self_loops=False)
            for _ in range(layers)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """(n, width) as it came in."""
        edges = batch.edges[self.edges]
        if self.training and self.drop_edges:
            kept = torch.rand(edges.shape[1], device=edges.device) >= self.drop_edges
            edges = edges[:, kept]
        edges = with_loops(edges, len(x))
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = x + torch.nn.functional.elu(layer(norm(x), edges))
        return x


class LocalAttention(nn.Module):
    """Attention to near spots and to oneself that fades with distance.

    Only distances enter, so that turning or mirroring the section changes nothing.
    """

    def __init__(self, width: int, *, heads: int, edges: str):
        super().__init__()
        self.edges, self.heads = edges, heads
        self.parts = nn.Linear(width, 3 * width)
        self.fading = nn.Parameter(torch.zeros(heads))
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """(n, width) as it came in."""
        from torch_geometric.utils import softmax

        near, here = with_loops(batch.edges[self.edges], len(x))
        split = (len(x), self.heads, -1)
        query, key, value = (p.reshape(split) for p in self.parts(x).chunk(3, dim=1))
        gap = (batch.position[near] - batch.position[here]).norm(dim=1)
        # In units of a spot's own distances, whatever the pitch of its section.
        total = gap.new_zeros(len(x)).index_add_(0, here, gap)
        unit = total / (torch.bincount(here, minlength=len(x)) - 1).clamp(min=1)
        near_by = gap / unit.clamp(min=1e-6)[here]
        fade = nn.functional.softplus(self.fading) * near_by.unsqueeze(1)
        alike = (query[here] * key[near]).sum(dim=2) / query.shape[2] ** 0.5
        weight = softmax(alike.float() - fade, here, num_nodes=len(x)).unsqueeze(2)
        told = (weight * value[near]).flatten(1).to(x.dtype)
        return self.out(torch.zeros_like(x).index_add_(0, here, told))
