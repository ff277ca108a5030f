"""A table of predictions beside the counts it is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, graphs
from histobridge.contract import ContractError
from histobridge.normalisation import log_normalise

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Table:
    """Prediction (n_test, n_genes) and what was measured there.

    ``raw`` is log1p CP10k over all genes, ``columns`` the positions of the genes,
    ``train`` and ``test`` positions of spots; ``sections``, ``points`` and ``depth``
    are those of the test spots, in the order of the prediction; ``all_sections`` and
    ``counts`` are those of all spots.
    """

    prediction: np.ndarray
    raw: np.ndarray
    columns: np.ndarray
    train: np.ndarray
    test: np.ndarray
    sections: np.ndarray
    points: np.ndarray
    depth: np.ndarray
    all_sections: np.ndarray
    counts: sp.csr_matrix


def table_of(adata: AnnData, prediction: pd.DataFrame, train: np.ndarray) -> Table:
    """Align a data frame (spots x genes, named) with ``adata``.

    Raises
    ------
    ContractError
        When it names spots or genes that ``adata`` has not, or twice, or holds NaN.
    """
    contract.unique_names(adata)
    test = adata.obs_names.get_indexer(prediction.index)
    columns = adata.var_names.get_indexer(prediction.columns)
    for what, places, names in (
        ("spots", test, prediction.index),
        ("genes", columns, prediction.columns),
    ):
        if not len(places) or (places < 0).any():
            absent = list(names[places < 0][:3])
            known = adata.obs_names if what == "spots" else adata.var_names
            raise ContractError(
                f"predictions of {what} of the object", f"absent: {absent}", known
            )
        if not names.is_unique:
            again = list(names[names.duplicated()].unique()[:3])
            raise ContractError(f"every one of the {what} once", f"repeated: {again}")
    values = prediction.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise ContractError("finite predictions", "NaN or infinite values")
    counts = sp.csr_matrix(contract.counts(adata))
    return Table(
        prediction=values,
        raw=log_normalise(counts[test])[:, columns].toarray(),
        columns=columns,
        train=np.asarray(train),
        test=test,
        sections=graphs.section_codes(adata)[test],
        points=graphs.positions_microns(adata)[test],
        depth=contract.depth(adata)[test],
        all_sections=graphs.section_codes(adata),
        counts=counts,
    )
