"""Networks that learn from sums over regions and answer for single spots."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from histobridge.nn.batch import Batch, present
from histobridge.nn.network import Network
from histobridge.normalisation import TARGET_SUM


def top_mean(scores: Tensor, k: int) -> Tensor:
    """Mean (genes,) of the ``k`` largest scores (spots, genes) of every gene."""
    return scores.topk(min(k, len(scores)), dim=0).values.mean(dim=0)


def bulk(batch: Batch, rows: Tensor) -> Tensor:
    """log1p (genes,) of 10,000 times the shares of the summed counts of ``rows``."""
    library = present(batch.library)[rows].sum().clamp(min=1)
    share = present(batch.counts)[rows].sum(dim=0) / library
    return torch.log1p(TARGET_SUM * share)


class TopMean(Network):
    """Score every spot; a region is the mean of its best k spots (HE2RNA).

    ``k`` is drawn anew in every step. A spot's prediction is its own score.
    """

    level: Tensor

    def __init__(self, encoder: nn.Module, head: nn.Module, genes: int, ks: tuple):
        super().__init__(encoder, head)
        self.ks = ks
        self.register_buffer("level", torch.zeros(genes))

    def begin(self, table: Batch) -> None:
        """Start from the bulk of all training spots."""
        super().begin(table)
        self.level.copy_(bulk(table, present(table.known)))

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """``mean`` (n, genes)."""
        return {"mean": super().forward(batch)["mean"] + self.level}

    def pooling(self, batch: Batch) -> Callable[[Tensor, Tensor], Tensor]:
        """``pool(scores, rows)``: one (genes,) from some rows of (spots, genes)."""
        k = self.ks[int(torch.randint(len(self.ks), ()))]
        return lambda scores, rows: top_mean(scores[rows], k)

    def loss(self, batch: Batch) -> Tensor:
        """Squared error over regions and genes."""
        scores, pool = self(batch)["mean"], self.pooling(batch)
        errors, bags = [], present(batch.bag)
        for bag in bags.unique():
            rows = bags == bag
            errors.append((pool(scores, rows) - bulk(batch, rows)).square())
        return torch.stack(errors).mean()

    def predict(self, batch: Batch) -> Tensor:
        """Scores (n, genes), never below zero."""
        return self(batch)["mean"].clamp(min=0)


class AttentionMean(TopMean):
    """A region is the mean of its spots, weighted by what they look like.

    Gated attention of Ilse et al. 2018, ICML, on vectors (n, width) of the encoder.
    """

    def __init__(
        self, encoder: nn.Module, head: nn.Module, genes: int, *, width: int, inner: int
    ):
        super().__init__(encoder, head, genes, ())
        self.value, self.gate = nn.Linear(width, inner), nn.Linear(width, inner)
        self.weight = nn.Linear(inner, 1)

    def pooling(self, batch: Batch) -> Callable[[Tensor, Tensor], Tensor]:
        """Weights of a region sum to one."""
        x = self.embed(batch)
        level = self.weight(torch.tanh(self.value(x)) * torch.sigmoid(self.gate(x)))
        level = level.squeeze(1)
        return lambda scores, rows: level[rows].softmax(dim=0) @ scores[rows]


class HighOrLow(Network):
    """Every spot of a region is told whether its region is high or low (PathoMCH).

    Regions between the two thresholds teach nothing. The prediction is the
    probability of high between the mean of low and of high regions.
    """

    below: Tensor
    above: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self, encoder: nn.Module, head: nn.Module, genes: int, tail: float = 0.2
    ):
        super().__init__(encoder, head)
        self.tail = tail
        for name in ("below", "above", "low", "high"):
            self.register_buffer(name, torch.zeros(genes))

    def begin(self, table: Batch) -> None:
        """Thresholds from regions of the training spots alone."""
        from histobridge.nn.sampling import regions

        super().begin(table)
        (drawn,) = regions(table, 64, torch.Generator().manual_seed(0))
        bags = present(drawn.bag)
        bulks = torch.stack([bulk(drawn, bags == bag) for bag in range(64)])
        self.below.copy_(bulks.quantile(self.tail, dim=0))
        self.above.copy_(bulks.quantile(1 - self.tail, dim=0))
        lowest, highest = bulks <= self.below, bulks >= self.above
        self.low.copy_((bulks * lowest).sum(dim=0) / lowest.sum(dim=0))
        self.high.copy_((bulks * highest).sum(dim=0) / highest.sum(dim=0))

    def loss(self, batch: Batch) -> Tensor:
        """Cross entropy over spots of high and of low regions."""
        logits, bags = self(batch)["mean"], present(batch.bag)
        total, count = torch.zeros(()), torch.zeros(())
        for bag in bags.unique():
            rows = bags == bag
            found = bulk(batch, rows)
            high = (found >= self.above).float()
            told = ((found <= self.below) | (found >= self.above)).float()
            each = nn.functional.binary_cross_entropy_with_logits(
                logits[rows], high.expand(int(rows.sum()), -1), reduction="none"
            )
            total, count = total + (each * told).sum(), count + told.sum() * rows.sum()
        return total / count.clamp(min=1)

    def predict(self, batch: Batch) -> Tensor:
        """Level (n, genes) between low and high."""
        share = torch.sigmoid(self(batch)["mean"])
        return self.low + share * (self.high - self.low)
