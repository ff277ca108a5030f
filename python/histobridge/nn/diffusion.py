"""Diffusion over the genes of a spot, given its image (Stem)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from histobridge.nn.batch import Batch, present
from histobridge.nn.network import Network
from histobridge.nn.transformer import Attention


def waves(time: Tensor, width: int) -> Tensor:
    """Sines and cosines (n, width) of times (n,) between 0 and 1."""
    half = width // 2
    rates = torch.exp(torch.linspace(0, math.log(1000.0), half, device=time.device))
    angle = time.unsqueeze(1) * rates
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class ModulatedLayer(nn.Module):
    """Transformer layer whose normalisation is set by a condition (adaLN-zero)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.set = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.set.weight)
        nn.init.zeros_(self.set.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(n, tokens, width) as it came in; condition (n, width)."""
        a, b, c, d, e, f = self.set(condition).unsqueeze(1).chunk(6, dim=-1)
        x = x + c * self.attention(self.norm(x) * (1 + a) + b)
        return x + f * self.mlp(self.norm(x) * (1 + d) + e)


class GeneDiffusion(Network):
    """Denoise the genes of one spot, given its image (Stem).

    A token per gene is its noisy value and a learned vector of the gene. The
    prediction is the mean of several draws, each in a few deterministic steps.
    """

    def __init__(
        self,
        encoder: nn.Module,
        genes: int,
        width: int,
        *,
        layers: int,
        heads: int,
        draws: int = 20,
        steps: int = 20,
    ):
        super().__init__(encoder, nn.Identity())
        self.draws, self.steps, self.genes = draws, steps, genes
        self.value = nn.Sequential(
            nn.Linear(1, width), nn.GELU(), nn.Linear(width, width)
        )
        self.gene = nn.Parameter(torch.randn(genes, width) * 0.02)
        self.clock = nn.Linear(width, width)
        self.layers = nn.ModuleList(ModulatedLayer(width, heads) for _ in range(layers))
        self.out = nn.Linear(width, 1)

    def denoised(self, noisy: Tensor, time: Tensor, image: Tensor) -> Tensor:
        """Estimate (n, genes) of what is under the noise at ``time`` (n,)."""
        condition = torch.nn.functional.silu(
            image + self.clock(waves(time, image.shape[1]))
        )
        x = self.value(noisy.unsqueeze(-1)) + self.gene
        for layer in self.layers:
            x = layer(x, condition)
        return self.out(x).squeeze(-1)

    def loss(self, batch: Batch) -> Tensor:
        """Squared error of the estimate at random times."""
        batch = batch.take(present(batch.known).nonzero().squeeze(1))
        clean = present(batch.target)
        time = torch.rand(len(clean), device=clean.device)
        keep = _kept(time).unsqueeze(1)
        noise = torch.randn_like(clean)
        noisy = keep.sqrt() * clean + (1 - keep).sqrt() * noise
        return mse_loss(self.denoised(noisy, time, self.embed(batch)), clean)

    def predict(self, batch: Batch) -> Tensor:
        """Mean (n, genes) of the draws; the same noise for every spot and call."""
        image = self.embed(batch)
        noise = torch.Generator().manual_seed(0)
        total = torch.zeros((), device=image.device)
        for _ in range(self.draws):
            start = torch.randn(self.genes, generator=noise).to(image.device)
            total = total + self._draw(start.expand(len(image), -1), image)
        return total / self.draws

    def _draw(self, x: Tensor, image: Tensor) -> Tensor:
        times = torch.linspace(1, 0, self.steps + 1, device=image.device)
        for now, then in pairwise(times):
            clean = self.denoised(x, now.expand(len(x)), image)
            keep, kept = _kept(now), _kept(then)
            noise = (x - keep.sqrt() * clean) / (1 - keep).sqrt().clamp(min=1e-4)
            x = kept.sqrt() * clean + (1 - kept).sqrt() * noise
        return x


def _kept(time: Tensor) -> Tensor:
    """Share of the variance that is signal at times between 0 and 1."""
    return torch.cos(time * math.pi / 2 * 0.98).square()
