"""Training spots that a network keeps: to copy from, or to look at."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from histobridge.nn.batch import Batch, present

WEIGHTS = ("uniform", "inverse", "softmax")


class Bank(nn.Module):
    """Keys (spots, width) and expression (spots, genes) of training spots."""

    keys: Tensor
    values: Tensor
    group: Tensor

    def __init__(self, spots: int, width: int, genes: int):
        super().__init__()
        self.register_buffer("keys", torch.zeros(spots, width))
        self.register_buffer("values", torch.zeros(spots, genes))
        self.register_buffer("group", torch.full((spots,), -1))

    def fill(self, keys: Tensor, table: Batch) -> None:
        """Keep ``keys`` of the known spots of ``table`` with their target."""
        self.keys.copy_(keys.detach())
        known = present(table.known)
        self.values.copy_(present(table.target)[known])
        self.group.copy_(present(table.group)[known])

    def nearest(
        self, queries: Tensor, k: int, batch: Batch | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Cosine similarity (n, k), rows (n, k) and whether they may be used (n, k).

        With ``batch`` a training spot finds neither itself nor its own group
        (patient, else section, else block), as a test spot will not either.
        """
        alike = nn.functional.normalize(queries, dim=1) @ (
            nn.functional.normalize(self.keys, dim=1).T
        )
        if batch is not None and batch.rank is not None:
            rank = torch.arange(len(self.keys), device=queries.device)
            group = present(batch.group).unsqueeze(1)
            mine = (group >= 0) & (group == self.group)
            alike = alike.masked_fill(mine, -torch.inf)
            alike = alike.masked_fill(batch.rank.unsqueeze(1) == rank, -torch.inf)
        found, rows = alike.topk(min(k, len(self.keys)), dim=1)
        return found, rows, found.isfinite()

    def copy(self, queries: Tensor, k: int, weights: str = "uniform") -> Tensor:
        """Weighted mean expression (n, genes) of the ``k`` nearest.

        Parameters
        ----------
        weights
            ``uniform``; ``inverse`` square of the L1 distance of the keys (mclSTExp);
            ``softmax`` of the similarity at temperature 0.07.
        """
        alike, rows, _ = self.nearest(queries, k)
        if weights == "uniform":
            weight = torch.ones_like(alike)
        elif weights == "softmax":
            weight = torch.softmax(alike / 0.07, dim=1)
        elif weights == "inverse":
            apart = (queries.unsqueeze(1) - self.keys[rows]).abs().sum(dim=2)
            weight = 1 / apart.clamp(min=1e-6).square()
        else:
            raise ValueError(f"expected one of {WEIGHTS}; found {weights!r}")
        weight = weight / weight.sum(dim=1, keepdim=True)
        return torch.einsum("nk,nkg->ng", weight, self.values[rows])


class ExemplarBridge(nn.Module):
    """A spot attends to the training spots that look most like it (EGN).

    Keys are the features of the batch; what is attended to is their features and
    their expression.
    """

    def __init__(
        self, bank: Bank, width: int, *, exemplars: int, heads: int, layers: int = 1
    ):
        super().__init__()
        from histobridge.nn.transformer import TransformerLayer

        self.bank, self.exemplars = bank, exemplars
        self.looks = nn.Linear(bank.keys.shape[1], width)
        self.expression = nn.Linear(bank.values.shape[1], width)
        self.layers = nn.ModuleList(
            TransformerLayer(width, heads) for _ in range(layers)
        )

    def begin(self, table: Batch) -> None:
        """Fill the bank with the features of the known spots."""
        self.bank.fill(present(table.features)[present(table.known)], table)

    def tokens(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Exemplars (n, k, width) of every spot, and which there are (n, k)."""
        features = present(batch.features)
        _, rows, usable = self.bank.nearest(features, self.exemplars, batch)
        found = self.looks(self.bank.keys[rows])
        return found + self.expression(self.bank.values[rows]), usable

    def forward(self, x: Tensor, batch: Batch) -> Tensor:
        """(n, width) as it came in."""
        tokens, usable = self.tokens(batch)
        x = x.unsqueeze(1)
        for layer in self.layers:
            x = layer(x, tokens, usable.unsqueeze(1))
        return x.squeeze(1)
