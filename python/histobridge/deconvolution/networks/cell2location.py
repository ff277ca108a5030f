"""Hierarchical Gamma priors on the abundances of types, by location."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from histobridge.deconvolution.networks.fitting import (
    log_gamma_prior,
    negative_binomial,
)

CONSTANT = 1e-2
"""Additive counts of a gene that training starts from."""


class Abundances(nn.Module):
    """Logs of every positive variable, with deviations when variational.

    ``w`` abundances (n_spots, n_types), of groups ``x`` (groups, n_types) that a spot
    holds ``z`` of (n_spots, groups); per gene ``m`` platform, ``s`` additive counts and
    ``inverse`` dispersion; ``y`` detection (n_spots, 1).
    """

    g: Tensor
    cells: Tensor

    def __init__(
        self,
        signatures: np.ndarray,
        cells: np.ndarray,
        detection: float,
        groups: int,
        variational: bool,
    ):
        super().__init__()
        n, (genes, k) = len(cells), signatures.shape
        self.register_buffer("g", torch.tensor(signatures, dtype=torch.float32))
        self.register_buffer("cells", torch.tensor(cells, dtype=torch.float32))
        self.detection, self.variational = detection, variational
        start = {
            "w": torch.log(self.cells[:, None] / k).repeat(1, k),
            "z": torch.log(self.cells[:, None] / groups).repeat(1, groups),
            "x": torch.full((groups, k), -np.log(k)) + 0.1 * torch.randn(groups, k),
            "m": torch.zeros(genes),
            "s": torch.full((genes,), np.log(CONSTANT)),
            "y": torch.zeros(n, 1),
            "inverse": torch.full((genes,), np.log(10.0)),
        }
        self.mean = nn.ParameterDict(start)
        wide = {name: torch.full_like(v, -3.0) for name, v in start.items()}
        # Empty where there is no spread to learn.
        self.log_sd = nn.ParameterDict(wide if variational else {})

    def draw(self) -> dict[str, Tensor]:
        """Every variable at its mode; while training variationally, a sample."""
        logs = dict(self.mean.items())
        if self.variational and self.training:
            logs = {
                name: v + torch.exp(self.log_sd[name]) * torch.randn_like(v)
                for name, v in logs.items()
            }
        return {name: torch.exp(v.clamp(-20, 20)) for name, v in logs.items()}

    def forward(self, counts: Tensor, rows: Tensor) -> Tensor:
        """Minus log density of counts (n_spots, n_genes) and variables, per spot."""
        v = self.draw()
        expected = v["w"] @ (v["m"][:, None] * self.g).T + v["s"]
        data = negative_binomial(counts, expected * v["y"], v["inverse"]).sum()
        prior = self.prior(v)
        # Density of the logs, in which the mode is sought and samples are drawn.
        jacobian = sum(torch.log(value).sum() for value in v.values())
        entropy = 0.0
        if self.variational:
            entropy = sum(s.sum() for s in self.log_sd.values())
        return (data - prior - jacobian - entropy) / len(counts)

    def prior(self, v: dict[str, Tensor]) -> Tensor:
        """Log density of all variables."""
        group = v["z"] @ v["x"]
        k = self.g.shape[1]
        per_group = self.cells[:, None] / v["z"].shape[1]
        return (
            log_gamma_prior(v["w"], 5 * group, torch.tensor(5.0)).sum()
            + log_gamma_prior(v["z"], per_group, torch.tensor(1.0)).sum()
            + log_gamma_prior(v["x"], torch.tensor(1.0 / k), torch.tensor(1.0)).sum()
            + log_gamma_prior(v["m"], torch.tensor(10.0), torch.tensor(10.0)).sum()
            + log_gamma_prior(v["s"], torch.tensor(1.0), torch.tensor(100.0)).sum()
            + log_gamma_prior(v["y"], self.detection, self.detection).sum()
            - 0.1 * v["inverse"].rsqrt().sum()
        )
