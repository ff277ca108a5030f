"""Flow from a random section to an expressed one (STFlow)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from histobridge.nn.batch import Batch, present
from histobridge.nn.diffusion import waves
from histobridge.nn.graph import LocalAttention, mean_over
from histobridge.nn.network import Network


class SectionFlow(Network):
    """Carry a random section to an expressed one; spots see their neighbours.

    Straight paths from a zero-inflated negative binomial draw to expression; the
    network names the end of the path; five Euler steps predict.
    """

    def __init__(
        self,
        encoder: nn.Module,
        genes: int,
        width: int,
        *,
        layers: int,
        heads: int,
        edges: str,
        steps: int = 5,
    ):
        super().__init__(encoder, nn.Identity())
        self.steps, self.genes = steps, genes
        self.value = nn.Linear(genes, width)
        self.clock = nn.Linear(width, width)
        self.layers = nn.ModuleList(
            _LocalLayer(width, genes, heads, edges) for _ in range(layers)
        )
        self.out = nn.Linear(width, genes)

    def end(self, x: Tensor, time: Tensor, image: Tensor, batch: Batch) -> Tensor:
        """End (n, genes) of the path that is at ``x`` (n, genes) at ``time`` (n,)."""
        h = image + self.value(x) + self.clock(waves(time, image.shape[1]))
        for layer in self.layers:
            h = layer(h, x, batch)
        return self.out(h)

    def loss(self, batch: Batch) -> Tensor:
        """Squared error of the end at one random time per section."""
        known, target = present(batch.known), present(batch.target)
        start = self._start(len(batch), None).to(target.device)
        time = torch.rand((), device=start.device).expand(len(batch))
        there = torch.where(known.unsqueeze(1), target, start)
        x = (1 - time[:, None]) * start + time[:, None] * there
        found = self.end(x, time, self.embed(batch), batch)
        return mse_loss(found[known], target[known])

    def predict(self, batch: Batch) -> Tensor:
        """End (n, genes) after the Euler steps, from the mean start."""
        image = self.embed(batch)
        noise = torch.Generator().manual_seed(0)
        x = self._start(64, noise).mean(dim=0).to(image.device)
        x = x.expand(len(image), -1)
        for step in range(self.steps):
            time = image.new_full((len(image),), step / self.steps)
            end = self.end(x, time, image, batch)
            x = x + (end - x) / (self.steps - step)
        return x

    def _start(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Zero-inflated negative binomial draws (n, genes), logged and centred."""
        shape = (n, self.genes)
        rate = torch.rand(shape, generator=generator).clamp(min=1e-6).log().neg() * 0.2
        counts = torch.poisson(rate, generator=generator)
        zero = torch.rand(shape, generator=generator) < 0.5
        start = torch.log1p(counts.masked_fill(zero, 0.0))
        return start - start.mean()


class _LocalLayer(nn.Module):
    """Attention to neighbours, and the difference of their present expression."""

    def __init__(self, width: int, genes: int, heads: int, edges: str):
        super().__init__()
        self.edges = edges
        self.norm = nn.LayerNorm(width)
        self.attention = LocalAttention(width, heads=heads, edges=edges)
        self.change = nn.Linear(genes, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Linear(2 * width, width),
        )

    def forward(self, h: Tensor, x: Tensor, batch: Batch) -> Tensor:
        h = h + self.attention(self.norm(h), batch)
        h = h + self.change(mean_over(x, batch.edges[self.edges]) - x)
        return h + self.mlp(h)
