"""Deconvolve spots with a single-cell reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import __version__, contract, keys, registry
from histobridge.deconvolution import genes as gene_choice
from histobridge.deconvolution import outputs
from histobridge.deconvolution.base import fit_tables
from histobridge.deconvolution.signatures import Signatures, reference_signatures

if TYPE_CHECKING:
    from anndata import AnnData

FITTED, EMPTY = "fitted", "no counts in shared genes"


def deconvolve(
    adata: AnnData,
    reference: AnnData,
    *,
    labels: str = keys.CELL_TYPE,
    system: str = "poisson_image",
    key_added: str = keys.PROPORTIONS,
    seed: int = 0,
    **params: Any,
) -> None:
    """Estimate the proportions of cell types in every spot.

    Reads raw counts of both, ``reference.obs[labels]`` and, where there, positions
    and morphology; writes the data frame ``obsm[key_added]`` (n_spots x n_types,
    rows sum to 1, NaN where a spot could not be fitted), ``obs[f"{key_added}_status"]``
    with the reason, and settings under ``uns["histobridge"][key_added]``. No spot and
    no type is dropped; a type without counts in the shared genes is 0 everywhere and
    named by ``types_not_shown`` of the settings. What else a system offers goes
    beside: data frames ``obsm[f"{key_added}_lower"]``, ``_upper`` (intervals) and
    ``_abundance`` (cells per spot), and columns such as
    ``obs[f"{key_added}_residual"]``.

    Parameters
    ----------
    reference
        Cells x genes with raw counts.
    labels
        ``reference.obs`` column of cell types.
    system
        Name from ``histobridge.list_systems("deconvolution")``.
    seed, **params
        Of the system.

    Raises
    ------
    ContractError
        Too few shared genes, or such that show fewer than two types; counts that are
        not whole numbers, negative or NaN; a label column that is absent or has one
        class; repeated names; unknown system.

    Examples
    --------
    >>> import histobridge as hb
    >>> mixture = hb.data.example_mixture()
    >>> hb.deconvolve(mixture, hb.data.example_reference(), graph="none")
    >>> mixture.obsm["proportions"].shape
    (239, 12)
    """
    contract.unique_names(adata)
    contract.unique_names(reference)
    model = registry.find(system, "deconvolution").create(seed=seed, **params)
    counts, signatures = shared_problem(adata, reference, labels)
    full = np.asarray(counts.sum(axis=1)).ravel() > 0
    found = {keys.PROPORTIONS: np.empty((0, len(signatures.types)))}
    if full.any():
        part = adata if full.all() else adata[full]
        counts = counts if full.all() else counts[full]
        found = fit_tables(model, part, counts, signatures)
    for name, values in found.items():
        key = key_added if name == keys.PROPORTIONS else f"{key_added}_{name}"
        adata.obsm[key] = outputs.complete(
            values, full, adata.obs_names, signatures.types
        )
    for name, values in getattr(model, "spots_", {}).items():
        adata.obs[f"{key_added}_{name}"] = outputs.complete_column(values, full)
    adata.obs[f"{key_added}_{keys.STATUS}"] = pd.Categorical(
        np.where(full, FITTED, EMPTY), categories=[FITTED, EMPTY]
    )
    settings = {
        "verb": "deconvolve",
        "system": system,
        "seed": seed,
        "params": params,
        "version": __version__,
        "n_genes": len(signatures.genes),
        "n_empty": int((~full).sum()),
    }
    if len(signatures.shown()) < len(signatures.types):
        mute = np.setdiff1d(np.arange(len(signatures.types)), signatures.shown())
        settings["types_not_shown"] = [signatures.types[k] for k in mute]
    for name in ("graph_", "strength_", "sigma_"):
        if hasattr(model, name):
            settings[name.rstrip("_")] = getattr(model, name)
    contract.record(adata, key_added, settings)


def shared_problem(
    adata: AnnData, reference: AnnData, labels: str
) -> tuple[sp.csr_matrix, Signatures]:
    """Counts (n_spots, n_genes) and signatures over the shared, expressed genes."""
    genes = contract.shared_genes(adata, reference)
    signatures = reference_signatures(reference, labels, genes)
    signatures = signatures.subset(gene_choice.expressed(signatures))
    counts = contract.integer_counts(adata)
    if not signatures.genes.equals(adata.var_names):
        counts = counts[:, adata.var_names.get_indexer(signatures.genes)]
    return sp.csr_matrix(counts, dtype=float), signatures
