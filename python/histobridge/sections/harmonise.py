"""The verb that brings the expression of sections to one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import __version__, contract, keys
from histobridge.contract import ContractError
from histobridge.normalisation import log_normalise
from histobridge.sections.combat import ADJUST, harmonise

if TYPE_CHECKING:
    from anndata import AnnData

HARMONIZED = "harmonized"


def harmonize_sections(
    xs: AnnData | Sequence[AnnData],
    *,
    method: str = "combat",
    batch: str = keys.SECTION,
    covariates: Sequence[str] = (),
    key_added: str = HARMONIZED,
) -> None:
    """Remove what distinguishes batches from log-normalised expression.

    Reads counts and ``obs`` columns; writes ``layers[key_added]`` (log1p counts per
    10,000, adjusted). Genes are adjusted together that the same batches measured; a
    gene without a single count in a batch counts as not measured there, and what one
    batch alone measured stays as it is.

    Parameters
    ----------
    xs
        One object, or several that may have different genes.
    method
        ``combat`` (means and variances, shrunk) or ``limma`` (means).
    batch
        ``obs`` column of the batch.
    covariates
        ``obs`` columns, groups or numbers, whose effects stay. Without those that
        differ between batches, such as the share of a tissue layer, real differences
        are removed too.

    Raises
    ------
    ContractError
        Fewer than two batches, a batch of one spot, columns that are absent or have
        missing values, an unknown method.

    Notes
    -----
    Differences of stain are taken out of images, not of expression: see ``stain`` of
    ``add_morphology``.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb()[:, :50].copy()
    >>> hb.harmonize_sections(bulb, covariates=["layer"])
    >>> bulb.layers["harmonized"].shape
    (501, 50)
    """
    objects = [xs] if hasattr(xs, "obs") else list(xs)
    if method not in ADJUST:
        raise ContractError("a method by name", repr(method), ADJUST)
    for adata in objects:
        contract.unique_names(adata)
    labels = pd.concat([_batches(adata, batch) for adata in objects])
    code, names = pd.factorize(labels, sort=True)
    size = np.bincount(code)
    if len(names) < 2 or size.min() < 2:
        found = ", ".join(f"{n}: {s}" for n, s in zip(names, size, strict=True))
        raise ContractError(f"two batches of two spots in obs[{batch!r}]", found)
    genes = pd.Index(pd.unique(np.concatenate([a.var_names for a in objects])))
    values = np.concatenate([_values(adata, genes) for adata in objects])
    for b in range(len(names)):
        unseen = np.nan_to_num(values[code == b]).max(axis=0) == 0
        values[np.ix_(code == b, unseen)] = np.nan
    kept = _covariates(objects, covariates)
    adjusted = harmonise(values, code, kept, ADJUST[method])
    start = 0
    for adata in objects:
        rows = adjusted[start : start + adata.n_obs]
        start += adata.n_obs
        # Not measured is no count, and stays so.
        own = np.nan_to_num(rows[:, genes.get_indexer(adata.var_names)])
        adata.layers[key_added] = own.astype(np.float32)
        settings = {
            "verb": "harmonize_sections",
            "method": method,
            "batch": batch,
            "covariates": list(covariates),
            "version": __version__,
        }
        contract.record(adata, key_added, settings)


def _batches(adata: AnnData, batch: str) -> pd.Series:
    if batch == keys.SECTION:
        return contract.section_names(adata)
    column = contract.obs_column(adata, batch, "a batch")
    if column.isna().any():
        raise ContractError(
            f"a batch of every spot in obs[{batch!r}]", f"{column.isna().sum()} missing"
        )
    return column.astype(str)


def _values(adata: AnnData, genes: pd.Index) -> np.ndarray:
    """Log-normalised (n_spots, genes), NaN for genes that the object lacks."""
    values = np.full((adata.n_obs, len(genes)), np.nan)
    own = log_normalise(contract.counts(adata)).toarray()
    values[:, genes.get_indexer(adata.var_names)] = own
    return values


def _covariates(objects: list[AnnData], names: Sequence[str]) -> np.ndarray:
    names = [names] if isinstance(names, str) else list(names)
    columns = [np.empty((sum(adata.n_obs for adata in objects), 0))]
    for name in names:
        parts = [contract.obs_column(a, name, "a covariate") for a in objects]
        column = pd.concat([part.astype(object) for part in parts]).infer_objects()
        if column.isna().any():
            missing = f"{int(column.isna().sum())} missing"
            raise ContractError(f"a value of obs[{name!r}] for every spot", missing)
        coded = pd.get_dummies(column.to_frame(), drop_first=True, dtype=float)
        columns.append(coded.to_numpy(dtype=float))
    return np.hstack(columns)
