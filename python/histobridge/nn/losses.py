"""Losses on the spots that are known; each term has its weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss, softplus

from histobridge.nn.batch import Batch, present

if TYPE_CHECKING:
    from histobridge.nn.network import Network

Output = dict[str, Tensor]


def pearson(x: Tensor, y: Tensor) -> Tensor:
    """Pearson correlation (genes,) of matching columns; 0 where one is constant."""
    x, y = x - x.mean(dim=0), y - y.mean(dim=0)
    norm = (x.square().sum(dim=0) * y.square().sum(dim=0)).clamp(min=1e-12).sqrt()
    return (x * y).sum(dim=0) / norm


def negative_binomial(counts: Tensor, mean: Tensor, dispersion: Tensor) -> Tensor:
    """Negative log likelihood; variance ``mean + mean**2 / dispersion``.

    Raises
    ------
    ValueError
        When a count is no whole number: logged values are no counts.
    """
    if (counts != counts.round()).any():
        raise ValueError("expected whole-number counts; found fractional values")
    total = (mean + dispersion).log()
    return (
        torch.lgamma(dispersion)
        + torch.lgamma(counts + 1)
        - torch.lgamma(counts + dispersion)
        + dispersion * (total - dispersion.log())
        + counts * (total - mean.clamp(min=1e-12).log())
    )


def zero_inflated(
    counts: Tensor, mean: Tensor, dispersion: Tensor, dropout: Tensor
) -> Tensor:
    """Negative log likelihood of a zero with logit ``dropout``, else of a count."""
    plain = negative_binomial(counts, mean, dispersion)
    zero = -torch.logaddexp(-softplus(-dropout), -softplus(dropout) - plain)
    return torch.where(counts == 0, zero, plain + softplus(dropout))


def contrastive(images: Tensor, spots: Tensor, temperature: float) -> Tensor:
    """Symmetric cross entropy of matching rows against all other rows."""
    images = torch.nn.functional.normalize(images, dim=1)
    spots = torch.nn.functional.normalize(spots, dim=1)
    logits = images @ spots.T / temperature
    own = torch.arange(len(logits), device=logits.device)
    return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2


def soft_contrastive(images: Tensor, spots: Tensor, temperature: float) -> Tensor:
    """Contrast against targets softened by similarity within each side (BLEEP)."""
    logits = spots @ images.T / temperature
    alike = (images @ images.T + spots @ spots.T) / 2 / temperature
    targets = alike.softmax(dim=1).detach()
    return (cross_entropy(logits, targets) + cross_entropy(logits.T, targets.T)) / 2


@dataclass(frozen=True)
class MeanSquares:
    """Squared error of ``mean``."""

    weight: float = 1.0

    def __call__(self, network: Network, output: Output, batch: Batch) -> Tensor:
        """Mean over known spots and genes."""
        known = present(batch.known)
        return mse_loss(output["mean"][known], present(batch.target)[known])


@dataclass(frozen=True)
class Uncorrelated:
    """One minus the mean Pearson correlation per gene over the batch."""

    weight: float = 1.0

    def __call__(self, network: Network, output: Output, batch: Batch) -> Tensor:
        """Between 0 and 2."""
        known = present(batch.known)
        target = present(batch.target)[known]
        return 1 - pearson(output["mean"][known], target).mean()


@dataclass(frozen=True)
class CountLikelihood:
    """Negative binomial likelihood of raw counts, zero-inflated with ``dropout``."""

    weight: float = 1.0

    def __call__(self, network: Network, output: Output, batch: Batch) -> Tensor:
        """Mean over known spots and genes."""
        known = present(batch.known)
        mean = output["rate"][known] * present(batch.library)[known].unsqueeze(1)
        counts, dispersion = present(batch.counts)[known], output["dispersion"][known]
        if "dropout" not in output:
            return negative_binomial(counts, mean, dispersion).mean()
        dropout = output["dropout"][known]
        return zero_inflated(counts, mean, dispersion, dropout).mean()


@dataclass(frozen=True)
class SelfDistillation:
    """Squared distance to the weighted mean over augmented views (Hist2ST).

    Needs the network's ``augmentation``.
    """

    views: int = 5
    weight: float = 0.5

    def __call__(self, network: Network, output: Output, batch: Batch) -> Tensor:
        """Mean over spots and genes."""
        own = output["mean"]
        seen = torch.stack(
            [network.augmented(batch)["mean"] for _ in range(self.views)]
        )
        # A view that agrees with the prediction weighs more.
        apart = (seen - own).square().mean(dim=2, keepdim=True).detach()
        teacher = (torch.softmax(-apart, dim=0) * seen).sum(dim=0)
        return mse_loss(own, teacher)


@dataclass(frozen=True)
class BranchDistillation:
    """Every branch learns from the target and from the fused prediction (TRIPLEX)."""

    share: float = 0.3
    weight: float = 1.0

    def __call__(self, network: Network, output: Output, batch: Batch) -> Tensor:
        """Sum over branches."""
        known, fused = present(batch.known), output["mean"].detach()
        target = present(batch.target)[known]
        total = fused.new_zeros(())
        for name, guess in output.items():
            if name.startswith("branch_"):
                right = mse_loss(guess[known], target)
                alike = mse_loss(guess[known], fused[known])
                total = total + (1 - self.share) * right + self.share * alike
        return total


@dataclass(frozen=True)
class AuxiliaryGenes:
    """Squared error of the further genes (HE2Gene)."""

    weight: float = 1.0

    def __call__(self, network: Network, output: Output, batch: Batch) -> Tensor:
        """Mean over known spots and genes."""
        known = present(batch.known)
        return mse_loss(output["auxiliary"][known], present(batch.auxiliary)[known])


@dataclass(frozen=True)
class Smoothness:
    """Squared distance of a spot's prediction to the mean over its neighbours."""

    edges: str
    weight: float = 0.01

    def __call__(self, network: Network, output: Output, batch: Batch) -> Tensor:
        """Mean over spots and genes."""
        from histobridge.nn.graph import mean_over

        guess = output["mean"]
        return mse_loss(guess, mean_over(guess, batch.edges[self.edges]))


@dataclass(frozen=True)
class BulkMean:
    """Squared error of the mean over the known spots (STGAT's bulk, of training)."""

    weight: float = 1.0

    def __call__(self, network: Network, output: Output, batch: Batch) -> Tensor:
        """Mean over genes."""
        known = present(batch.known)
        target = present(batch.target)[known]
        return mse_loss(output["mean"][known].mean(dim=0), target.mean(dim=0))
