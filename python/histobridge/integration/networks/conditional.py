"""LLOKI's conditional autoencoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from histobridge.integration.networks.losses import triplet_error
from histobridge.integration.networks.operators import Batch, Sparse


class ConditionalAutoencoder(nn.Module):
    """Autoencoder told the section; triplets across, distances kept within.

    Reads ``x``, ``sections``, ``pairs`` (mutual neighbours across sections) and
    ``near`` (neighbours within).
    """

    def __init__(self, inputs: int, n_sections: int, latent: int = 64, known: int = 10):
        super().__init__()
        self.section = nn.Embedding(n_sections, known)
        self.encoder = nn.Sequential(
            nn.Linear(inputs + known, 128), nn.ELU(), nn.Linear(128, latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent + known, 128), nn.ELU(), nn.Linear(128, inputs)
        )

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, latent)."""
        section = self.section(inputs["sections"])
        return self.encoder(torch.cat([inputs["x"], section], dim=1))

    def loss(self, batch: Batch) -> torch.Tensor:
        """Reconstruction, .2 triplets, and relative distances to neighbours."""
        x, near = batch["x"], batch["near"]
        z = self.embed(batch)
        section = self.section(batch["sections"])
        found = self.decoder(torch.cat([z, section], dim=1))
        kept = _distance_error(x, z, near)
        pulled = triplet_error(z, batch["pairs"], batch["sections"])
        return functional.mse_loss(found, x) + 0.2 * pulled + kept


def _distance_error(x: torch.Tensor, z: torch.Tensor, near: Sparse) -> torch.Tensor:
    """Relative distances of sampled neighbours in ``z`` against those in ``x``."""
    if not len(near.rows):
        return z.sum() * 0.0
    chosen = torch.randint(len(near.rows), (4 * len(x),)).to(x.device)
    rows, columns = near.rows[chosen], near.columns[chosen]
    before, after = (
        ((v[rows] - v[columns]) ** 2).sum(1).add(1e-8).sqrt() for v in (x, z)
    )
    return functional.mse_loss(after / after.mean(), before / before.mean())
