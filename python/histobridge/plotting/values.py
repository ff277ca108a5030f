"""What a name stands for: a column, a gene, or a column of a verb's result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract
from histobridge.contract import ContractError
from histobridge.normalisation import log_normalise

if TYPE_CHECKING:
    from anndata import AnnData

LOG = "log1p counts per 10,000"


def values_of(
    adata: AnnData, name: str, source: str | None = None
) -> tuple[pd.Series, str]:
    """One value per spot, and what its scale is called.

    Parameters
    ----------
    name
        Column of ``obs`` or, where there is none, a gene (log-normalised counts).
    source
        A layer, or a data frame of ``obsm`` such as ``"predicted"``, in which
        ``name`` is looked up instead.

    Raises
    ------
    ContractError
        When nothing has that name, listing what there is.
    """
    if source is not None:
        return _from_source(adata, name, source), source
    if name in adata.obs:
        return adata.obs[name], ""
    if name not in adata.var_names:
        columns = [f"columns: {contract.listing(adata.obs.columns)}"]
        genes = [f"genes: {contract.listing(adata.var_names)}"]
        raise ContractError(
            f"a column or gene named {name!r}", "neither", "; ".join(columns + genes)
        )
    return expression(adata, [name])[name], LOG


def expression(
    adata: AnnData, genes: list[str], spots: np.ndarray | None = None
) -> pd.DataFrame:
    """log1p counts per 10,000 of some genes (spots x genes).

    Raises
    ------
    ContractError
        When a gene is absent, or its name stands for several.
    """
    places = _places(adata, genes)
    counts = contract.counts(adata)
    rows = slice(None) if spots is None else spots
    normal = log_normalise(counts[rows])[:, places].toarray()
    return pd.DataFrame(normal, index=adata.obs_names[rows], columns=genes)


def frame_of(adata: AnnData, key: str, what: str) -> pd.DataFrame:
    """A data frame of ``obsm``.

    Raises
    ------
    ContractError
        When there is none of that name.
    """
    frame = adata.obsm.get(key)
    if not isinstance(frame, pd.DataFrame):
        found = "none" if frame is None else "an array without names"
        raise ContractError(
            f"{what} in obsm[{key!r}] (altExp in R)", found, adata.obsm.keys()
        )
    return frame


def _from_source(adata: AnnData, name: str, source: str) -> pd.Series:
    if source in adata.layers:
        column = contract.in_memory(adata.layers[source])[:, _places(adata, [name])]
        values = column if isinstance(column, np.ndarray) else column.toarray()
        return pd.Series(values[:, 0], index=adata.obs_names, name=name)
    if source not in adata.obsm:
        available = [*adata.layers, *adata.obsm]
        raise ContractError("a layer or data frame to read", repr(source), available)
    frame = frame_of(adata, source, "values")
    if name not in frame:
        raise ContractError(
            f"a column {name!r} of obsm[{source!r}]", "no such column", frame.columns
        )
    return frame[name]


def _places(adata: AnnData, genes: list[str]) -> np.ndarray:
    for gene in genes:
        found = int((adata.var_names == gene).sum())
        if found != 1:
            how = "no gene of that name" if not found else f"{found} of that name"
            raise ContractError(f"one gene named {gene!r}", how, adata.var_names)
    return adata.var_names.get_indexer_for(genes)
