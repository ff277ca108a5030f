"""A soft map of cells, or of types, onto spots."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, softmax


class Map(nn.Module):
    """Logits (n_sources, n_spots)."""

    sources: Tensor
    mass: Tensor
    density: Tensor

    def __init__(
        self,
        sources: np.ndarray,
        mass: np.ndarray,
        density: np.ndarray,
        weights: tuple[float, float, float],
    ):
        super().__init__()
        self.register_buffer("sources", torch.tensor(sources, dtype=torch.float32))
        self.register_buffer("mass", torch.tensor(mass, dtype=torch.float32))
        self.register_buffer("density", torch.tensor(density, dtype=torch.float32))
        self.weights = weights
        self.logits = nn.Parameter(torch.randn(len(mass), len(density)))

    def forward(self, measured: Tensor, rows: Tensor) -> Tensor:
        """Dissimilarity of mapped and ``measured`` expression (n_spots, n_genes)."""
        share = softmax(self.logits, dim=1) * self.mass[:, None]
        mapped = share.T @ self.sources
        density = share.sum(dim=0)
        gap = (self.density * torch.log(self.density / (density + 1e-12))).sum()
        by_gene = cosine_similarity(mapped, measured, dim=0).mean()
        by_spot = cosine_similarity(mapped, measured, dim=1).mean()
        gene, spot, even = self.weights
        return even * gap - gene * by_gene - spot * by_spot
