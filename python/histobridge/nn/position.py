"""Where a spot is, as a vector that is added to what it looks like."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from histobridge.nn.batch import Batch

STEPS = 128
"""Steps of one pitch along one axis that an embedding tells apart."""


class GridEmbedding(nn.Module):
    """One learned vector per column and per row of the grid."""

    def __init__(self, width: int, steps: int = STEPS):
        super().__init__()
        self.column = nn.Embedding(steps, width)
        self.row = nn.Embedding(steps, width)

    def forward(self, batch: Batch) -> Tensor:
        """Vectors (n, width); beyond the last step a spot gets the last vector."""
        grid = batch.grid.clamp(0, self.column.num_embeddings - 1)
        return self.column(grid[:, 0]) + self.row(grid[:, 1])


class NeighbourPosition(nn.Module):
    """Position by a weighted mean over spatial neighbours (after APEG of TRIPLEX).

    The published generator is a depth-wise convolution over the filled-in grid;
    over the graph it needs no grid and no filler.
    """

    def __init__(self, width: int, edges: str):
        super().__init__()
        self.edges = edges
        self.own = nn.Parameter(torch.zeros(width))
        self.near = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """(n, width) as it came in."""
        from histobridge.nn.graph import mean_over

        return x + self.own * x + self.near * mean_over(x, batch.edges[self.edges])
