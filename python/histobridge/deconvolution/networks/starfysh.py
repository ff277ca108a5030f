"""Composition as a product of experts: prior, expression and image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from histobridge.deconvolution.networks.fitting import negative_binomial


class Experts(nn.Module):
    """Encoders of expression and, if there is one, of the image."""

    base: Tensor

    def __init__(
        self, profiles: np.ndarray, widths: list[int], hidden: int, weight: float
    ):
        super().__init__()
        genes, k = profiles.shape
        base = torch.tensor(np.log(profiles.T + 1e-7), dtype=torch.float32)
        self.register_buffer("base", base)
        self.widths, self.weight = widths, weight
        self.encoders = nn.ModuleList()
        for width in filter(None, widths):
            first, last = nn.Linear(width, hidden), nn.Linear(hidden, 2 * k)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            self.encoders.append(nn.Sequential(first, nn.ReLU(), last))
        self.shift = nn.Parameter(torch.zeros(genes))
        self.inverse = nn.Parameter(torch.full((genes,), 1.0))

    def joint(self, inputs: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and precision of the product of prior and experts."""
        precision = torch.full_like(prior, 1.0)
        mean = prior.clone()
        total = precision * mean
        parts = inputs.split([w for w in self.widths if w], dim=1)
        for encoder, part in zip(self.encoders, parts, strict=True):
            offset, log_precision = encoder(part).chunk(2, dim=1)
            own = torch.exp(log_precision.clamp(-6, 6))
            total = total + own * (prior + offset)
            precision = precision + own
        return total / precision, precision

    def forward(
        self,
        counts: Tensor,
        depth: Tensor,
        inputs: Tensor,
        prior: Tensor,
        rows: Tensor,
    ) -> Tensor:
        """Negative ELBO per spot, of counts (batch, n_genes)."""
        mean, precision = self.joint(inputs, prior)
        sample = mean + torch.randn_like(mean) / precision.sqrt()
        share = torch.softmax(sample, dim=1) @ torch.softmax(
            self.base + self.shift, dim=1
        )
        data = negative_binomial(counts, depth * share, torch.exp(self.inverse))
        kl = ((mean - prior) ** 2 + 1 / precision + torch.log(precision) - 1) / 2
        return (data.sum(1) + self.weight * kl.sum(1)).mean() + 5 * (
            self.shift**2
        ).sum() / len(counts)
