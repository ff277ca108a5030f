"""What is predicted: genes and their transformation, fitted on training spots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract
from histobridge.contract import ContractError
from histobridge.normalisation import column_moments, log_normalise
from histobridge.translation.rows import blocks

if TYPE_CHECKING:
    from anndata import AnnData


class LogCP10k:
    """log1p of counts per 10,000 over *all* genes, for chosen genes.

    Attributes
    ----------
    genes_ : list of str
        In order of decreasing variance where they were chosen here.
    """

    def fit(
        self, adata: AnnData, genes: float | Sequence[str], spots: np.ndarray
    ) -> LogCP10k:
        """Choose genes on training ``spots``.

        Parameters
        ----------
        genes
            A number: the genes of largest variance in ``spots``, pooled within
            sections so that a batch difference does not make a gene variable.
            A list: exactly these.

        Raises
        ------
        ContractError
            When a named gene is absent or named twice; when the number is no whole
            number above zero.
        """
        if not isinstance(genes, int | float | np.number):
            self.genes_ = _named(adata, genes)
            return self
        if isinstance(genes, bool) or genes < 1 or genes != int(genes):
            raise ContractError("how many genes, 1 or more, or their names", genes)
        normal = log_normalise(contract.counts(adata)[spots])
        names = contract.section_names(adata).to_numpy()[spots]
        variance = np.zeros(adata.n_vars)
        for name in np.unique(names):
            rows = normal[names == name]
            variance += (names == name).mean() * column_moments(rows)[1]
        order = np.argsort(-variance, kind="stable")[: int(genes)]
        self.genes_ = list(adata.var_names[order[variance[order] > 0]])
        if not self.genes_:
            raise ContractError("genes that vary over the training spots", "none")
        return self

    def transform(
        self, adata: AnnData, spots: np.ndarray, dtype: type = np.float64
    ) -> np.ndarray:
        """Target (n_spots, n_genes)."""
        columns = adata.var_names.get_indexer(self.genes_)
        every = np.array_equal(columns, np.arange(adata.n_vars))
        counts = contract.counts(adata)
        out: np.ndarray = np.empty((len(spots), len(columns)), dtype)
        here = blocks(np.arange(len(spots)))
        for rows, part in zip(here, blocks(spots), strict=True):
            normal = log_normalise(counts[part])
            chosen = normal if every else normal[:, columns]
            chosen.astype(dtype, copy=False).toarray(out=out[rows])
        return out


def _named(adata: AnnData, genes: Sequence[str]) -> list[str]:
    named = [genes] if isinstance(genes, str) else [str(g) for g in genes]
    absent = [g for g in named if g not in adata.var_names]
    if absent or not named:
        raise ContractError(
            "genes of the object", f"absent: {absent[:5]}", adata.var_names
        )
    if len(set(named)) < len(named):
        twice = [g for g in dict.fromkeys(named) if named.count(g) > 1]
        raise ContractError("every gene once", f"repeated: {twice[:5]}")
    return named
