"""A network: encoder, position, context and head, with the terms of its loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from histobridge.nn.batch import Batch, present
from histobridge.nn.losses import MeanSquares
from histobridge.nn.pixels import Augmentation, symmetries


class Term(Protocol):
    """Part of a loss."""

    @property
    def weight(self) -> float:
        """What it is multiplied by."""

    def __call__(
        self, network: Network, output: dict[str, Tensor], batch: Batch
    ) -> Tensor:
        """Scalar."""


class Begins(Protocol):
    """A block that looks at the whole table before training."""

    def begin(self, table: Batch) -> None:
        """Look at it."""


class Network(nn.Module):
    """Composition of blocks that predicts expression from a batch of spots.

    Parameters
    ----------
    encoder
        ``encoder(batch)`` -> (n, width).
    head
        ``head(x, batch)`` -> outputs by name; ``mean`` is the prediction.
    position
        ``position(batch)`` -> (n, width), added.
    context
        Blocks ``block(x, batch)`` -> (n, width), one after the other.
    terms
        ``term(network, output, batch)`` -> scalar, each with a ``weight``.
    augmentation
        Changes training patches; never those that are predicted from.
    varied
        Whether the main prediction of training is made from changed patches.
    turns
        Whether the prediction is the mean over the eight symmetries.
    """

    def __init__(
        self,
        encoder: nn.Module,
        head: nn.Module,
        *,
        position: nn.Module | None = None,
        context: Sequence[nn.Module] = (),
        terms: Sequence[Term] = (MeanSquares(),),
        augmentation: Augmentation | None = None,
        varied: bool = True,
        turns: bool = False,
    ):
        super().__init__()
        self.encoder, self.head, self.position = encoder, head, position
        self.context = nn.ModuleList(context)
        self.terms, self.augmentation = tuple(terms), augmentation
        self.varied, self.turns = varied, turns

    def begin(self, table: Batch) -> None:
        """Before training: hand the whole table to every block that asks for it."""
        for block in self.modules():
            if block is not self and hasattr(block, "begin"):
                cast("Begins", block).begin(table)

    def finish(self, table: Batch) -> None:
        """After training: nothing, unless a network keeps something of the table."""

    def embed(self, batch: Batch) -> Tensor:
        """Vectors (n, width) that the head reads."""
        x = self.encoder(batch)
        if self.position is not None:
            x = x + self.position(batch)
        for block in self.context:
            x = block(x, batch)
        return x

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Outputs of the head."""
        return self.head(self.embed(batch), batch)

    def augmented(self, batch: Batch) -> dict[str, Tensor]:
        """Outputs from changed patches."""
        if self.augmentation is None or batch.pixels is None:
            return self(batch)
        return self(batch.but(pixels=self.augmentation(batch.pixels)))

    def loss(self, batch: Batch) -> Tensor:
        """Weighted sum of the terms."""
        output = self.augmented(batch) if self.varied else self(batch)
        parts = (term.weight * term(self, output, batch) for term in self.terms)
        return sum(parts, start=torch.zeros(()))

    def predict(self, batch: Batch) -> Tensor:
        """Prediction (n, genes) on the scale of the target."""
        if not self.turns:
            return self(batch)["mean"]
        views = [
            self(batch.but(pixels=pixels))["mean"]
            for pixels in symmetries(present(batch.pixels))
        ]
        return torch.stack(views).mean(dim=0)


class Fused(Network):
    """A network that is one block from batch to outputs by name."""

    def __init__(self, block: nn.Module, **rest):
        super().__init__(nn.Identity(), block, **rest)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Outputs of the block."""
        return self.head(batch)
