"""Cell-type signatures from a single-cell reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Signatures:
    """Expression of each type.

    Attributes
    ----------
    types : list of str
    profiles : (n_genes, n_types)
        Share of each gene in the counts of a type; columns sum to 1.
    sizes : (n_types,)
        Mean counts of a cell of the type, relative to the mean type.
    genes : Index of n_genes
    """

    types: list[str]
    profiles: np.ndarray
    sizes: np.ndarray
    genes: pd.Index


def reference_signatures(
    reference: AnnData, labels: str, genes: pd.Index
) -> Signatures:
    """Pooled profile and size of every type; no type is dropped.

    Cells without a label or without counts are left out.

    Raises
    ------
    ContractError
        Label column absent or with fewer than two classes; counts not whole
        numbers.
    """
    column = contract.labels(reference, labels, "cell types").astype(object)
    counts = contract.integer_counts(reference)
    depth = np.asarray(counts.sum(axis=1)).ravel()
    cells = np.flatnonzero(column.notna().to_numpy() & (depth > 0))
    codes, types = pd.factorize(column.to_numpy()[cells].astype(str), sort=True)
    member = sp.csr_matrix(
        (np.ones(len(cells)), (codes, np.arange(len(cells)))), (len(types), len(cells))
    )
    columns = reference.var_names.get_indexer(genes)
    pooled = (member @ counts[cells]).toarray()[:, columns].T
    profiles = pooled / np.maximum(pooled.sum(axis=0), 1e-12)
    sizes = np.asarray(member @ depth[cells]) / np.bincount(codes)
    return Signatures([str(t) for t in types], profiles, sizes / sizes.mean(), genes)


def informative_genes(signatures: Signatures, least: float = 1e-6) -> np.ndarray:
    """Mask of genes that some type expresses."""
    return signatures.profiles.max(axis=1) > least
