"""Types that vary within themselves: a decoder of cells, a mixture of spots."""

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
    """Conditional autoencoder; the decoder moves the profile of the type.

    ``profiles`` are shares (n_genes, n_types).
    """

    base: Tensor

    def __init__(self, profiles: np.ndarray, latent: int, hidden: int):
        super().__init__()
        genes, k = profiles.shape
        base = torch.tensor(np.log(profiles.T + 1e-6), dtype=torch.float32)
        self.register_buffer("base", base)
        self.latent = latent
        self.encoder = nn.Sequential(
            nn.Linear(genes + k, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent + k, hidden), nn.ReLU(), nn.Linear(hidden, genes)
        )
        self.inverse = nn.Parameter(torch.zeros(genes))

    def decode(self, z: Tensor, one_hot: Tensor) -> Tensor:
        """Shares (..., n_genes) at a latent place of a type."""
        shift = self.decoder(torch.cat([z, one_hot], -1)) - self.decoder(
            torch.cat([torch.zeros_like(z), one_hot], -1)
        )
        return torch.softmax(one_hot @ self.base + shift, dim=-1)

    def forward(
        self, counts: Tensor, one_hot: Tensor, depth: Tensor, rows: Tensor
    ) -> Tensor:
        """Negative ELBO per cell, of counts (batch, n_genes)."""
        code = self.encoder(torch.cat([torch.log1p(counts), one_hot], 1))
        mean, log_sd = code.chunk(2, dim=1)
        z = mean + torch.exp(log_sd) * torch.randn_like(mean)
        share = self.decode(z, one_hot)
        data = negative_binomial(counts, depth * share, softplus(self.inverse))
        kl = (mean**2 + torch.exp(2 * log_sd) - 2 * log_sd - 1).sum(1) / 2
        return (data.sum(1) + kl).mean()


class Spots(nn.Module):
    """Amounts and latent places of every spot and type."""

    def __init__(self, cells: Cells, amounts: np.ndarray):
        super().__init__()
        n, k = amounts.shape
        # Kept out of the parameters: the decoder stays as the cells taught it.
        self.known = [cells.requires_grad_(False)]
        self.amount = nn.Parameter(inverse_softplus(amounts + 1e-3))
        self.dummy = nn.Parameter(torch.full((n, 1), -4.0))
        self.place = nn.Parameter(torch.zeros(n, k, cells.latent))
        self.factor = nn.Parameter(torch.zeros(len(cells.inverse)))
        self.extra = nn.Parameter(torch.zeros(len(cells.inverse)))
        self.inverse = nn.Parameter(cells.inverse.detach() + 2.0)

    def forward(self, counts: Tensor, depth: Tensor, rows: Tensor) -> Tensor:
        """Minus log density of counts (n_spots, n_genes) and variables, per spot."""
        n, k, _ = self.place.shape
        one_hot = torch.eye(k).expand(n, k, k)
        share = self.known[0].decode(self.place, one_hot)
        mixed = torch.einsum("nk,nkg->ng", softplus(self.amount), share)
        mixed = mixed * torch.exp(self.factor)
        mixed = mixed + softplus(self.dummy) * torch.softmax(self.extra, 0)
        data = negative_binomial(counts, depth * mixed, softplus(self.inverse))
        prior = (self.place**2).sum() / 2 + 5 * (self.factor**2).sum()
        return (data.sum() + prior + (self.extra**2).sum() / 2) / n
