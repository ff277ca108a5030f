"""Mean counts of cells of every type, apart from what their donor adds to them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from histobridge.deconvolution.networks.fitting import (
    log_gamma_prior,
    negative_binomial,
)

LEAST = 1e-2
SHARE = 0.1
"""Of the mean cell, which every donor adds before any cell is seen."""


class DonorRegression(nn.Module):
    """``mu_cg = (mean_g,type(c) + added_g,donor(c)) size_donor(c)``, negative binomial.

    Logs of ``mean`` (n_types, n_genes), ``added`` (donors, n_genes) with its mean
    ``level`` and ``size`` (donors, 1), and the inverse dispersion ``inverse``
    (n_genes,).
    """

    def __init__(self, means: np.ndarray, donors: int, n: int):
        super().__init__()
        start = torch.tensor(means + LEAST, dtype=torch.float32)
        self.mean = nn.Parameter(torch.log(start))
        added = (SHARE * start.mean(dim=0)).repeat(donors, 1)
        self.added = nn.Parameter(torch.log(added))
        self.level = nn.Parameter(torch.log(added.mean(dim=1, keepdim=True)))
        self.size = nn.Parameter(torch.zeros(donors, 1))
        self.inverse = nn.Parameter(torch.zeros(means.shape[1]))
        self.n = n

    def forward(
        self, counts: Tensor, codes: Tensor, donors: Tensor, rows: Tensor
    ) -> Tensor:
        """Minus log density of counts (batch, n_genes) and variables, per cell."""
        donor = donors.long()
        rate = self.mean.exp()[codes.long()] + self.added.exp()[donor]
        expected = rate * self.size.exp()[donor]
        data = negative_binomial(counts, expected, self.inverse.exp()).sum(dim=1)
        level = self.level.exp()
        # Densities of logs: each adds its logarithm.
        prior = (
            (log_gamma_prior(self.added.exp(), 1.0, 1 / level) + self.added).sum()
            + (log_gamma_prior(level, 1.0, 100.0) + self.level).sum()
            + (log_gamma_prior(self.size.exp(), 10.0, 10.0) + self.size).sum()
            + (log_gamma_prior(self.mean.exp(), 1.0, 1.0) + self.mean).sum()
            - 0.1 * (-self.inverse / 2).exp().sum()
        )
        return data.mean() - prior / self.n

    def means(self) -> np.ndarray:
        """Mean counts of a cell of the mean donor (n_genes, n_types)."""
        return self.mean.detach().exp().numpy().astype(float).T
