"""Graph layers."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from histobridge.integration.networks.operators import Sparse


def xavier(*shape: int) -> nn.Parameter:
    """Weights of Glorot's uniform distribution."""
    return nn.Parameter(nn.init.xavier_uniform_(torch.empty(*shape)))


class GraphConvolution(nn.Module):
    """``graph @ (x W) + b`` (Kipf & Welling 2017); the graph is already normalised."""

    def __init__(self, inputs: int, outputs: int, bias: bool = True):
        super().__init__()
        self.weight = xavier(inputs, outputs)
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: torch.Tensor, graph: Sparse) -> torch.Tensor:
        """(n, inputs) to (n, outputs)."""
        out = graph @ (x @ self.weight)
        return out if self.bias is None else out + self.bias


class GraphAttention(nn.Module):
    """One head of graph attention on additive scores (Velickovic et al. 2018).

    ``squash`` is what the sum of the two ends' scores goes through: ``sigmoid`` in
    STAGATE, ``leaky`` in most others.
    """

    def __init__(self, width: int, squash: str = "sigmoid"):
        super().__init__()
        self.source, self.target = xavier(width, 1), xavier(width, 1)
        self.squash = squash

    def forward(self, h: torch.Tensor, graph: Sparse) -> torch.Tensor:
        """Attention (entries,) of transformed features ``h`` (n, width)."""
        source, target = (h @ self.source)[:, 0], (h @ self.target)[:, 0]
        score = target[graph.rows] + source[graph.columns]
        if self.squash == "sigmoid":
            return graph.softmax(torch.sigmoid(score))
        return graph.softmax(functional.leaky_relu(score, 0.2))


class TransformerConvolution(nn.Module):
    """Dot-product attention over neighbours with a skip (Shi et al. 2021)."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.query = nn.Linear(inputs, outputs)
        self.key = nn.Linear(inputs, outputs)
        self.value = nn.Linear(inputs, outputs)
        self.skip = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor, graph: Sparse) -> torch.Tensor:
        """(n, inputs) to (n, outputs)."""
        query, key = self.query(x), self.key(x)
        score = (query[graph.rows] * key[graph.columns]).sum(1) / query.shape[1] ** 0.5
        return graph.weighted(graph.softmax(score), self.value(x)) + self.skip(x)


class ViewAttention(nn.Module):
    """Weighted mean of several views of each spot, weights by a small network."""

    def __init__(self, width: int, hidden: int = 16):
        super().__init__()
        self.score = nn.Sequential(
            nn.Linear(width, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False)
        )

    def forward(self, *views: torch.Tensor) -> torch.Tensor:
        """Views (n, width) to (n, width)."""
        stacked = torch.stack(views, dim=1)
        weight = torch.softmax(self.score(stacked), dim=1)
        return (weight * stacked).sum(dim=1)


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.strength * gradient, None


def reversed_gradient(x: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
    """``x`` whose gradient changes sign (Ganin & Lempitsky 2015)."""
    return _Reversal.apply(x, strength)


def dense(*widths: int, dropout: float = 0.0, normalise: bool = True) -> nn.Sequential:
    """Linear layers with batch normalisation and ELU after each."""
    parts: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        parts.append(nn.Linear(inputs, outputs))
        if normalise:
            parts.append(nn.BatchNorm1d(outputs))
        parts += [nn.ELU(), nn.Dropout(dropout)]
    return nn.Sequential(*parts)
