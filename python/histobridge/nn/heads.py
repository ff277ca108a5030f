"""Heads: a vector per spot becomes expression, or the parameters of its law."""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from histobridge.contract import ContractError
from histobridge.nn.batch import Batch, present
from histobridge.normalisation import TARGET_SUM


class Linear(nn.Module):
    """``mean``: a linear layer, from zero, so that training starts at the mean."""

    def __init__(self, width: int, genes: int, *, norm: bool = False):
        super().__init__()
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.linear = nn.Linear(width, genes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, batch: Batch) -> dict[str, Tensor]:
        """``mean`` (n, genes)."""
        return {"mean": self.linear(self.norm(x))}


class Perceptron(nn.Module):
    """``mean``: one or more hidden layers; the mean of several such networks."""

    def __init__(
        self,
        width: int,
        genes: int,
        *,
        hidden: tuple[int, ...] = (),
        dropout: float = 0.0,
        members: int = 1,
    ):
        super().__init__()
        self.members = nn.ModuleList(
            self._member(width, genes, hidden, dropout) for _ in range(members)
        )

    @staticmethod
    def _member(width: int, genes: int, hidden: tuple, dropout: float) -> nn.Module:
        layers: list[nn.Module] = []
        for after in hidden:
            layers += [nn.Linear(width, after), nn.ReLU(), nn.Dropout(dropout)]
            width = after
        return nn.Sequential(*layers, nn.Linear(width, genes))

    def forward(self, x: Tensor, batch: Batch) -> dict[str, Tensor]:
        """``mean`` (n, genes)."""
        return {"mean": torch.stack([m(x) for m in self.members]).mean(dim=0)}


class NegativeBinomial(nn.Module):
    """``rate``, ``dispersion`` and, with ``zeros``, ``dropout`` of raw counts.

    ``rate`` is a share of the spot's total counts, so that depth is an offset and
    no target. With ``predicts`` it also gives ``mean``, log1p of 10,000 rates.
    Training starts from the shares of the training spots.
    """

    def __init__(
        self, width: int, genes: int, *, zeros: bool = False, predicts: bool = True
    ):
        super().__init__()
        self.predicts = predicts
        self.rate = nn.Linear(width, genes)
        self.dispersion = nn.Linear(width, genes)
        self.dropout = nn.Linear(width, genes) if zeros else None
        nn.init.zeros_(self.rate.weight)

    def begin(self, table: Batch) -> None:
        """Start from the shares of the known spots."""
        known = present(table.known)
        shares = present(table.counts)[known].sum(dim=0)
        shares = shares / present(table.library)[known].sum()
        with torch.no_grad():
            self.rate.bias.copy_(shares.clamp(min=1e-7).log())

    def forward(self, x: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Parameters (n, genes)."""
        # Likelihoods of large counts need more than bfloat16 keeps.
        rate = self.rate(x).float().clamp(-20, 0).exp()
        dispersion = softplus(self.dispersion(x).float()) + 1e-4
        found = {"rate": rate, "dispersion": dispersion}
        if self.dropout is not None:
            found["dropout"] = self.dropout(x).float()
        if self.predicts:
            found["mean"] = torch.log1p(TARGET_SUM * rate)
        return found


class Heads(nn.Module):
    """Several heads on one vector; their outputs side by side."""

    def __init__(self, *heads: nn.Module):
        super().__init__()
        self.heads = nn.ModuleList(heads)

    def forward(self, x: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Outputs of all heads."""
        return {k: v for head in self.heads for k, v in head(x, batch).items()}


class Projection(nn.Module):
    """Linear, GELU, linear and dropout around a shortcut, normalised (CLIP head)."""

    def __init__(self, before: int, width: int, dropout: float = 0.1):
        super().__init__()
        self.first = nn.Linear(before, width)
        self.body = nn.Sequential(
            nn.GELU(), nn.Linear(width, width), nn.Dropout(dropout)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Vectors (n, width)."""
        x = self.first(x)
        return self.norm(x + self.body(x))


class Auxiliary(nn.Module):
    """``mean`` and ``auxiliary``: the target, and further genes (HE2Gene)."""

    def __init__(self, width: int, genes: int, auxiliary: int):
        super().__init__()
        self.target = nn.Linear(width, genes)
        self.others = nn.Linear(width, auxiliary)

    def forward(self, x: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Outputs (n, genes) and (n, auxiliary)."""
        return {"mean": self.target(x), "auxiliary": self.others(x)}


def principal_loadings(values: Tensor, width: int) -> Tensor:
    """Loadings (genes, width) of the centred ``values`` (n, genes); zeros beyond."""
    _, spread, axes = torch.linalg.svd(values - values.mean(dim=0), full_matrices=False)
    found = (axes.T * spread / max(len(values), 1) ** 0.5)[:, :width]
    return torch.nn.functional.pad(found, (0, width - found.shape[1]))


class GeneNetwork(nn.Module):
    """``mean``: the weights of every gene are made from the gene's embedding (SGN).

    Embeddings are loadings of the training expression unless others are given.
    """

    embeddings: Tensor

    def __init__(
        self,
        width: int,
        genes: int,
        *,
        embedding: int = 64,
        given: Tensor | None = None,
    ):
        super().__init__()
        size = embedding if given is None else given.shape[1]
        self.given = given is not None
        self.register_buffer(
            "embeddings", torch.zeros(genes, size) if given is None else given
        )
        self.weights = nn.Sequential(
            nn.Linear(size, width), nn.GELU(), nn.Linear(width, width + 1)
        )

    def begin(self, table: Batch) -> None:
        """Loadings of the known spots."""
        if not self.given:
            size = self.embeddings.shape[1]
            target = present(table.target)[present(table.known)]
            self.embeddings.copy_(principal_loadings(target, size))

    def forward(self, x: Tensor, batch: Batch) -> dict[str, Tensor]:
        """``mean`` (n, genes)."""
        made = self.weights(self.embeddings)
        return {"mean": x @ made[:, :-1].T / x.shape[1] ** 0.5 + made[:, -1]}


def given_embeddings(path: str | None, genes: tuple[str, ...]) -> Tensor | None:
    """Embeddings (genes, d) from a CSV file whose first column names the gene.

    Raises
    ------
    ContractError
        When a gene has no row.
    """
    if path is None:
        return None
    table = pd.read_csv(path, index_col=0)
    absent = [gene for gene in genes if gene not in table.index]
    if absent:
        raise ContractError(
            f"an embedding of every gene in {path!r}",
            f"none of {absent[:5]}",
            table.index,
        )
    return torch.from_numpy(table.loc[list(genes)].to_numpy(dtype="float32"))
