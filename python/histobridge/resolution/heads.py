"""What a decoder's output means, and how it is compared with a spot."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from histobridge.resolution.problem import Problem


class MeanHead(nn.Module):
    """Min-max scaled genes; the mean over a spot is fitted by squared error."""

    low: torch.Tensor
    size: torch.Tensor

    def __init__(self, width: int, target: np.ndarray):
        super().__init__()
        self.out = nn.Linear(width, target.shape[1])
        low, high = target.min(axis=0), target.max(axis=0)
        self.register_buffer("low", torch.from_numpy(low).float())
        size = np.where(high > low, high - low, 1.0)
        self.register_buffer("size", torch.from_numpy(size).float())

    @staticmethod
    def target(problem: Problem) -> np.ndarray:
        """Counts per point of every spot."""
        return problem.density()

    def rates(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scaled values of every point."""
        return F.elu(self.out(hidden), alpha=0.01) + 0.01

    def loss(
        self, hidden: torch.Tensor, owner: torch.Tensor, truth: torch.Tensor
    ) -> torch.Tensor:
        """Squared error of the spots."""
        mean = pooled(self.rates(hidden), owner, len(truth), mean=True)
        return F.mse_loss(mean, (truth - self.low) / self.size)

    def counts(self, hidden: torch.Tensor) -> torch.Tensor:
        """Counts of every point."""
        return self.rates(hidden) * self.size + self.low


class _SumHead(nn.Module):
    """Rates that sum over a spot to its counts; starts at the mean of each gene."""

    def __init__(self, target: np.ndarray):
        super().__init__()
        mean = np.maximum(target.mean(axis=0), 1e-4)
        self.base = nn.Parameter(torch.from_numpy(np.log(mean)).float())

    @staticmethod
    def target(problem: Problem) -> np.ndarray:
        """Counts of every spot."""
        return problem.counts.toarray()

    def rates(self, hidden: torch.Tensor) -> torch.Tensor:
        """Expected counts of every point."""
        raise NotImplementedError

    def counts(self, hidden: torch.Tensor) -> torch.Tensor:
        """Counts of every point."""
        return self.rates(hidden)


class MetageneHead(_SumHead):
    """Scale of a point times a softmax over metagenes; negative binomial sums."""

    def __init__(self, width: int, target: np.ndarray, metagenes: int = 10):
        super().__init__(target)
        self.scale = nn.Linear(width, 1)
        self.activation = nn.Linear(width, metagenes)
        self.profile = nn.Parameter(0.1 * torch.randn(metagenes, target.shape[1]))
        self.dispersion = nn.Parameter(torch.zeros(target.shape[1]))

    def rates(self, hidden: torch.Tensor) -> torch.Tensor:
        """Expected counts of every point."""
        mixture = torch.softmax(self.activation(hidden), dim=1)
        profile = torch.exp(self.base + self.profile)
        return F.softplus(self.scale(hidden)) * (mixture @ profile)

    def loss(
        self, hidden: torch.Tensor, owner: torch.Tensor, truth: torch.Tensor
    ) -> torch.Tensor:
        """Negative binomial of the sums, with a normal prior on profiles."""
        mean = pooled(self.rates(hidden), owner, len(truth)) + 1e-6
        size = F.softplus(self.dispersion) + 1e-3
        fit = torch.lgamma(truth + size) - torch.lgamma(size)
        fit = fit + size * torch.log(size / (size + mean))
        fit = fit + truth * torch.log(mean / (size + mean))
        return -fit.mean() + 1e-3 * (self.profile**2).mean()


class LatentHead(_SumHead):
    """Rates through a noisy latent with a standard normal prior; Poisson sums."""

    def __init__(self, width: int, target: np.ndarray, latent: int = 10):
        super().__init__(target)
        self.mean = nn.Linear(width, latent)
        self.log_sd = nn.Linear(width, latent)
        self.decode = nn.Sequential(
            nn.Linear(latent, 64), nn.LeakyReLU(0.1), nn.Linear(64, target.shape[1])
        )

    def rates(self, hidden: torch.Tensor) -> torch.Tensor:
        """Expected counts at the mean of the latent."""
        return self._decoded(self.mean(hidden))

    def _decoded(self, latent: torch.Tensor) -> torch.Tensor:
        return F.softplus(self.decode(latent)) * torch.exp(self.base)

    def loss(
        self, hidden: torch.Tensor, owner: torch.Tensor, truth: torch.Tensor
    ) -> torch.Tensor:
        """Poisson of the sums, plus the divergence of the latent from its prior."""
        mean, log_sd = self.mean(hidden), self.log_sd(hidden).clamp(-6, 2)
        latent = mean + torch.exp(log_sd) * torch.randn_like(mean)
        total = pooled(self._decoded(latent), owner, len(truth)) + 1e-6
        divergence = (mean**2 + torch.exp(2 * log_sd) - 1 - 2 * log_sd) / 2
        return (total - truth * torch.log(total)).mean() + 1e-3 * divergence.mean()


Head = MeanHead | MetageneHead | LatentHead
HEADS: dict[str, type[Head]] = {
    "elu": MeanHead,
    "metagenes": MetageneHead,
    "latent": LatentHead,
}


class Decoder(nn.Module):
    """Hidden layers over points, then a head; with ``neighbours`` a graph network."""

    def __init__(
        self,
        inputs: int,
        target: np.ndarray,
        head: type[Head],
        *,
        width: int,
        depth: int,
        dropout: float,
        neighbours: torch.Tensor | None,
    ):
        super().__init__()
        sizes = [inputs, *[width] * depth]
        layers = itertools.pairwise(sizes)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in layers)
        self.dropout = nn.Dropout(dropout)
        self.head = head(width, target)
        self.neighbours = neighbours

    def hidden(self, inputs: torch.Tensor) -> torch.Tensor:
        """Last hidden layer of every point."""
        for layer in self.layers:
            if self.neighbours is not None:
                inputs = torch.sparse.mm(self.neighbours, inputs)
            inputs = self.dropout(F.leaky_relu(layer(inputs), 0.1))
        return inputs

    def loss(
        self,
        inputs: torch.Tensor,
        points: torch.Tensor,
        owner: torch.Tensor,
        truth: torch.Tensor,
    ) -> torch.Tensor:
        """Loss of the spots in a batch, given the points they hold."""
        if self.neighbours is None:
            hidden = self.hidden(inputs[points])
        else:
            hidden = self.hidden(inputs)[points]
        return self.head.loss(hidden, owner, truth)

    def counts(self, inputs: torch.Tensor) -> torch.Tensor:
        """Expected counts of every point."""
        return self.head.counts(self.hidden(inputs))


def pooled(
    values: torch.Tensor, owner: torch.Tensor, n_spots: int, mean: bool = False
) -> torch.Tensor:
    """Sum (or mean) of the points of each spot."""
    total = values.new_zeros(n_spots, values.shape[1]).index_add(0, owner, values)
    if not mean:
        return total
    held = torch.bincount(owner, minlength=n_spots).clamp(min=1)
    return total / held[:, None]
