"""The table of a network, and what the loss may read of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract
from histobridge.splits import inner_splits
from histobridge.translation.target import LogCP10k

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.nn.batch import Batch


@dataclass(frozen=True)
class Truth:
    """What is known of training spots, and nothing of others.

    Attributes
    ----------
    spots
        (n,) positions in the object.
    target
        (n, genes) as the network is to say it.
    counts, library
        (n, genes) raw counts and (n,) totals, where the loss reads them.
    auxiliary
        (n, others) centred log expression of further genes.
    """

    spots: np.ndarray
    target: np.ndarray
    counts: np.ndarray | None = None
    library: np.ndarray | None = None
    auxiliary: np.ndarray | None = None


def mark_known(
    table: Batch, rows: np.ndarray, truth: Truth, adata: AnnData, seed: int
) -> None:
    """Write into ``table``, whose rows are spots ``rows``, what is known."""
    import torch

    place = np.searchsorted(rows, truth.spots)
    for name in ("target", "counts", "library", "auxiliary"):
        known = getattr(truth, name)
        if known is not None:
            whole = torch.zeros(len(table), *known.shape[1:])
            whole[place] = torch.from_numpy(known).float()
            setattr(table, name, whole)
    table.known = torch.zeros(len(table), dtype=torch.bool)
    table.known[place] = True
    table.rank = torch.full((len(table),), -1)
    table.rank[place] = torch.arange(len(place))
    groups = np.full(adata.n_obs, -1)
    for code, (_, spots) in enumerate(inner_splits(adata, truth.spots, seed)):
        groups[spots] = code
    table.group = torch.from_numpy(groups[rows])


def spot_counts(
    adata: AnnData, spots: np.ndarray, genes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Raw whole-number counts (n, genes) and total counts (n,) of ``spots``."""
    counts = contract.integer_counts(adata[spots])
    columns = adata.var_names.get_indexer(genes)
    total = np.asarray(counts.sum(axis=1), dtype=float).ravel()
    return counts[:, columns].toarray().astype(float), total


def other_genes(
    adata: AnnData, spots: np.ndarray, genes: list[str], most: int
) -> np.ndarray:
    """Centred log1p CP10k (n, others) of the most variable genes not in ``genes``."""
    every = LogCP10k().fit(adata, most + len(genes), spots)
    taken = set(genes)
    every.genes_ = [gene for gene in every.genes_ if gene not in taken][:most]
    values = every.transform(adata, spots)
    return values - values.mean(axis=0)
