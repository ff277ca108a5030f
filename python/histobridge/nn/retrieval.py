"""Networks that match images with expression and copy from what they match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from histobridge.nn.bank import Bank
from histobridge.nn.batch import Batch, present
from histobridge.nn.heads import Projection
from histobridge.nn.network import Network
from histobridge.nn.pixels import Augmentation
from histobridge.nn.position import GridEmbedding
from histobridge.nn.size import Size
from histobridge.nn.training import device_of


class ExpressionTower(nn.Module):
    """Expression of one spot, with its place where asked, as a vector.

    Each spot is embedded alone: no attention over whatever else is in the batch.
    """

    def __init__(self, genes: int, width: int, *, place: bool = False):
        super().__init__()
        self.place = GridEmbedding(genes) if place else None
        self.project = Projection(genes, width)

    def forward(self, batch: Batch) -> Tensor:
        """Vectors (n, width)."""
        x = batch.target
        if self.place is not None:
            x = x + self.place(batch)
        return self.project(x)


class Matching(Network):
    """Image tower and expression tower, trained to agree on their own spot.

    Parameters
    ----------
    encoder
        Image -> (n, before).
    before, width
        Of the encoder and of the common space.
    contrast
        ``contrast(images, spots, temperature)`` of ``histobridge.nn.losses``.
    neighbours, weights
        How many training spots are copied, and how they are weighted.
    """

    def __init__(
        self,
        encoder: nn.Module,
        before: int,
        width: int,
        *,
        genes: int,
        spots: int,
        contrast: Callable[[Tensor, Tensor, float], Tensor],
        temperature: float = 1.0,
        neighbours: int = 50,
        weights: str = "uniform",
        place: bool = False,
        augmentation: Augmentation | None = None,
    ):
        super().__init__(encoder, nn.Identity(), augmentation=augmentation)
        self.project = Projection(before, width)
        self.tower = ExpressionTower(genes, width, place=place)
        self.bank = Bank(spots, width, genes)
        self.contrast, self.temperature = contrast, temperature
        self.neighbours, self.weights = neighbours, weights

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """``image``: vectors (n, width)."""
        return {"image": self.project(self.embed(batch))}

    def loss(self, batch: Batch) -> Tensor:
        """Contrast of the two towers over the known spots of the batch."""
        images = self.augmented(batch)["image"][batch.known]
        spots = self.tower(batch)[batch.known]
        return self.contrast(images, spots, self.temperature)

    @torch.no_grad()
    def finish(self, table: Batch) -> None:
        """Keep the expression vectors of the training spots."""
        rows = present(table.known).nonzero().squeeze(1)
        known = table.take(rows).to(device_of(self))
        self.bank.fill(self.tower(known), known)

    def predict(self, batch: Batch) -> Tensor:
        """Mean expression (n, genes) of the training spots that match the image."""
        query = self(batch)["image"]
        return self.bank.copy(query, self.neighbours, self.weights)


def towers(size: Size, backbone: str, before: int, **matching: Any) -> Matching:
    """A backbone of published width ``before``, matched in a space of 256."""
    from histobridge.nn.backbones import image_encoder

    width = size.width(before)
    return Matching(
        image_encoder(backbone, size, width),
        width,
        size.width(256),
        genes=size.genes,
        spots=size.spots,
        **matching,
    )
