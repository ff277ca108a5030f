"""What networks exchange: some spots, what is seen of them and what is known."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """``value``, which the network asked for, so that it is there."""
    assert value is not None
    return value


@dataclass
class Batch:
    """Spots (n) as tensors; what a system does not ask for is None.

    Attributes
    ----------
    section
        (n,) code of the section.
    position
        (n, 2) microns from the middle of the section.
    grid
        (n, 2) whole steps of one pitch, from 0.
    pixels
        (n, side, side, 3) uint8.
    tiles
        (n, 9, e) features of nine tiles of the patch.
    features
        (n, d) standardised within sections.
    neighbours
        (n, k) rows of the nearest spots of the section, -1 where there are fewer.
        Part of the whole table only; ``take`` turns it into the next two.
    around, around_known
        (n, k, d) features of the neighbours, and (n, k) where there is one.
    group
        (n,) code of the patient (section, block) for what must not see its own.
    rank
        (n,) place among the training spots, -1 for others.
    bag
        (n,) code of the region whose sum of counts is the target of bulk systems.
    edges
        name -> (2, e): row of the neighbour, row of the spot that listens to it.
    known
        (n,) whether the loss may read the three that follow.
    target, counts, library, auxiliary
        (n, genes) scaled target, (n, genes) raw counts, (n,) total counts, (n, others)
        centred log expression of genes that are not predicted.
    """

    section: Tensor
    position: Tensor
    grid: Tensor
    pixels: Tensor | None = None
    tiles: Tensor | None = None
    features: Tensor | None = None
    neighbours: Tensor | None = None
    around: Tensor | None = None
    around_known: Tensor | None = None
    group: Tensor | None = None
    rank: Tensor | None = None
    bag: Tensor | None = None
    edges: dict[str, Tensor] = field(default_factory=dict)
    known: Tensor | None = None
    target: Tensor | None = None
    counts: Tensor | None = None
    library: Tensor | None = None
    auxiliary: Tensor | None = None

    def __len__(self) -> int:
        return len(self.section)

    def but(self, **changes: Any) -> Batch:
        """Copy with other fields."""
        return replace(self, **changes)

    def to(self, device: torch.device) -> Batch:
        """Copy on ``device``."""
        return self._each(lambda value: value.to(device))

    def take(self, rows: Tensor) -> Batch:
        """Some rows of the whole; edges among them; features around them."""
        part = replace(self, edges={})._each(lambda value: value[rows])
        place = torch.full((len(self),), -1, device=rows.device)
        place[rows] = torch.arange(len(rows), device=rows.device)
        for name, edges in self.edges.items():
            ends = place[edges]
            part.edges[name] = ends[:, (ends >= 0).all(dim=0)]
        if self.neighbours is not None and self.features is not None:
            near = self.neighbours[rows]
            part.around_known = near >= 0
            part.around = self.features[near.clamp(min=0)]
            part.around = part.around * part.around_known.unsqueeze(-1)
            part.neighbours = None
        return part

    def _each(self, change) -> Batch:
        values = {}
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, Tensor):
                values[entry.name] = change(value)
            elif isinstance(value, dict):
                values[entry.name] = {k: change(v) for k, v in value.items()}
        return replace(self, **values)
