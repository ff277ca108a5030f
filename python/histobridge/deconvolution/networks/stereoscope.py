"""Negative binomial signatures of cells, and negative binomial mixtures of them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from histobridge.deconvolution.networks.fitting import (
    inverse_softplus,
    negative_binomial,
)


class Cells(nn.Module):
    """Rates (n_genes, n_types) per count of depth and dispersion of cells."""

    def __init__(self, profiles: np.ndarray):
        super().__init__()
        start = 1e4 * profiles + 1e-3
        self.rate = nn.Parameter(inverse_softplus(start))
        self.inverse = nn.Parameter(torch.zeros(len(profiles)))

    def forward(
        self, counts: Tensor, one_hot: Tensor, depth: Tensor, rows: Tensor
    ) -> Tensor:
        """Minus log-likelihood, averaged over counts (batch, n_genes)."""
        mean = depth * (one_hot @ softplus(self.rate).T) / 1e4
        return negative_binomial(counts, mean, softplus(self.inverse)).mean()


class Spots(nn.Module):
    """Amounts (n_spots, n_types + 1), the last of noise."""

    rate: Tensor
    inverse: Tensor

    def __init__(self, cells: Cells, n: int):
        super().__init__()
        self.register_buffer("rate", softplus(cells.rate.detach()) / 1e4)
        self.register_buffer("inverse", softplus(cells.inverse.detach()))
        genes, k = self.rate.shape
        start = np.full((n, k + 1), 1.0 / k)
        self.amount = nn.Parameter(inverse_softplus(start))
        self.factor = nn.Parameter(torch.full((genes,), 0.5413))
        self.noise = nn.Parameter(torch.zeros(genes))

    def forward(self, counts: Tensor, depth: Tensor, rows: Tensor) -> Tensor:
        """Minus log density of counts (n_spots, n_genes) and variables, per spot."""
        amount = softplus(self.amount[rows])
        known = amount[:, :-1] @ (softplus(self.factor)[:, None] * self.rate).T
        extra = amount[:, -1:] * softplus(self.noise) / len(self.noise)
        nll = negative_binomial(counts, depth * (known + extra), self.inverse)
        prior = (self.noise**2).sum() / 2 + (self.factor - 0.5413).pow(2).sum() / 2
        return nll.sum(dim=1).mean() + prior / len(self.amount)
