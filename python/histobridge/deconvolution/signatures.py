"""Cell-type signatures from a single-cell reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, keys

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Signatures:
    """Expression of each type, and the cells behind it.

    Attributes
    ----------
    types : list of str
    profiles : (n_genes, n_types)
        Share of each gene in the pooled counts of a type; columns sum to 1.
    sizes : (n_types,)
        Mean counts of a cell of the type, relative to the mean type.
    genes : Index of n_genes
    cells : (n_cells, n_genes)
        Counts of the labelled cells.
    codes : (n_cells,)
        Position in ``types`` of the type of each cell.
    depth : (n_cells,)
        Counts of each cell over all genes, also those that were left out.
    donors : (n_cells,)
        Code of the donor, of the sample where no donor is known, of one otherwise.
    """

    types: list[str]
    profiles: np.ndarray
    sizes: np.ndarray
    genes: pd.Index
    cells: sp.csr_matrix
    codes: np.ndarray
    depth: np.ndarray
    donors: np.ndarray

    def subset(self, genes: np.ndarray) -> Signatures:
        """Keep the genes of a mask or of positions; columns may sum to less than 1."""
        return replace(
            self,
            profiles=self.profiles[genes],
            genes=self.genes[genes],
            cells=self.cells[:, genes],
        )

    def shown(self) -> np.ndarray:
        """Positions of the types that some gene shows."""
        return np.flatnonzero(self.profiles.sum(axis=0) > 0)

    def of_types(self, chosen: np.ndarray) -> Signatures:
        """Keep the types at some positions, and their cells."""
        place = np.full(len(self.types), -1)
        place[chosen] = np.arange(len(chosen))
        cells = np.flatnonzero(place[self.codes] >= 0)
        sizes = self.sizes[chosen]
        return replace(
            self,
            types=[self.types[k] for k in chosen],
            profiles=self.profiles[:, chosen],
            sizes=sizes / sizes.mean(),
            cells=self.cells[cells],
            codes=place[self.codes[cells]],
            depth=self.depth[cells],
            donors=self.donors[cells],
        )

    def members(self, donor: int | None = None) -> sp.csr_matrix:
        """Sparse (n_types, n_cells) of ones, of all donors or of one."""
        cells = np.arange(len(self.codes))
        if donor is not None:
            cells = cells[self.donors == donor]
        shape = (len(self.types), len(self.codes))
        return sp.csr_matrix((np.ones(len(cells)), (self.codes[cells], cells)), shape)

    def shares(self) -> sp.csr_matrix:
        """Counts of each cell as shares of its depth (n_cells, n_genes)."""
        return sp.csr_matrix(sp.diags(1.0 / self.depth) @ self.cells)

    def mean_shares(self) -> np.ndarray:
        """Mean over cells of the share of each gene (n_genes, n_types)."""
        n = np.maximum(np.bincount(self.codes, minlength=len(self.types)), 1)
        return (self.members() @ self.shares()).toarray().T / n

    def variance_shares(self) -> np.ndarray:
        """Variance over cells of the share of each gene (n_genes, n_types)."""
        n = np.maximum(np.bincount(self.codes, minlength=len(self.types)), 1)
        shares = self.shares()
        square = (self.members() @ shares.multiply(shares)).toarray().T / n
        return np.maximum(square - self.mean_shares() ** 2, 0.0)


def with_background(profiles: np.ndarray, share: float) -> np.ndarray:
    """Profiles (n_genes, n_types) of which ``share`` is the mean of all types.

    A gene that few sampled cells of a type show is rarely absent from it: a profile
    of zero would let one stray count name another type.
    """
    return (1 - share) * profiles + share * profiles.mean(axis=1, keepdims=True)


def reference_signatures(
    reference: AnnData, labels: str, genes: pd.Index
) -> Signatures:
    """Pooled profile and size of every type; no type is dropped.

    Cells without a label or without counts are left out. Donors are
    ``obs["patient"]``, else ``obs["sample_id"]``, where there.

    Raises
    ------
    ContractError
        Label column absent or with fewer than two classes; counts not whole
        numbers.
    """
    column = contract.labels(reference, labels, "cell types").astype(object)
    known = column.notna().to_numpy()
    _, types = pd.factorize(column[known].astype(str), sort=True)
    counts = contract.integer_counts(reference)
    depth = contract.depth(reference)
    cells = np.flatnonzero(known & (depth > 0))
    codes = types.get_indexer(column.iloc[cells].astype(str))
    member = sp.csr_matrix(
        (np.ones(len(cells)), (codes, np.arange(len(cells)))), (len(types), len(cells))
    )
    shown = sp.csr_matrix(
        counts[cells][:, reference.var_names.get_indexer(genes)], dtype=float
    )
    pooled = (member @ shown).toarray().T
    size = np.maximum(np.bincount(codes, minlength=len(types)), 1)
    sizes = np.asarray(member @ depth[cells]) / size
    return Signatures(
        [str(t) for t in types],
        pooled / np.maximum(pooled.sum(axis=0), 1e-12),
        sizes / sizes.mean(),
        genes,
        shown,
        codes,
        depth[cells],
        _donors(reference)[cells],
    )


def _donors(reference: AnnData) -> np.ndarray:
    for key in (keys.PATIENT, keys.SECTION):
        if key in reference.obs:
            return pd.factorize(reference.obs[key].astype(str))[0]
    return np.zeros(reference.n_obs, dtype=int)
