"""The verb that brings the expression, or the stain, of sections to one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import __version__, contract, keys
from histobridge.contract import ContractError
from histobridge.images import open_slide
from histobridge.images.stains import NORMALISERS
from histobridge.normalisation import log_normalise
from histobridge.sections.combat import ADJUST, harmonise

if TYPE_CHECKING:
    from anndata import AnnData


def harmonize_sections(
    xs: AnnData | Sequence[AnnData],
    *,
    method: str = "combat",
    batch: str = keys.SECTION,
    covariates: Sequence[str] = (),
    reference: str | None = None,
    key_added: str | None = None,
) -> None:
    """Remove what distinguishes batches from expression, or sections from images.

    *Expression*: reads counts and ``obs`` columns; writes ``layers[key_added]``
    (log1p counts per 10,000, adjusted). Genes are adjusted together that the same
    batches measured; a gene without a single count in a batch counts as not measured
    there, and what one batch alone measured stays as it is. Spots without counts
    stay empty and move no other.

    *Stain*: reads the image of every section; writes the stain profiles of all
    sections and of the reference under ``uns["histobridge"][key_added]``. Images stay
    as they are; ``add_morphology(..., stain=key_added)`` reads them as if stained, and
    scanned, like the reference.

    Parameters
    ----------
    xs
        One object, or several that may have different genes.
    method
        Of expression: ``combat`` (means and variances, shrunk) or ``limma`` (means).
        Of stain: ``macenko``, ``vahadane`` or ``reinhard``.
    batch
        ``obs`` column of the batch; for expression.
    covariates
        ``obs`` columns, groups or numbers, whose effects stay; for expression.
        Without those that differ between batches, such as the share of a tissue
        layer, real differences are removed too.
    reference
        Section whose stain the others get; default the first.
    key_added
        Default ``harmonized``, for stain ``harmonized_stain``.

    Raises
    ------
    ContractError
        Fewer than two batches, a batch of one spot with counts, columns that are
        absent or have missing values, an unknown method; a section without image or
        tissue.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb()[:, :50].copy()
    >>> hb.harmonize_sections(bulb, covariates=["layer"])
    >>> bulb.layers["harmonized"].shape
    (501, 50)
    >>> hb.harmonize_sections(bulb, method="macenko")
    >>> hb.add_morphology(bulb, "colour", stain="harmonized_stain", progress=False)
    """
    objects = [xs] if hasattr(xs, "obs") else list(xs)
    if method in NORMALISERS:
        key_added = key_added or keys.HARMONIZED_STAIN
        found = stain_profiles(objects, method, reference)
    elif method in ADJUST:
        key_added = key_added or keys.HARMONIZED
        found = _harmonise_expression(objects, method, batch, covariates, key_added)
    else:
        raise ContractError("a method by name", repr(method), [*ADJUST, *NORMALISERS])
    shared = {"verb": "harmonize_sections", "method": method, "version": __version__}
    for adata, settings in zip(objects, found, strict=True):
        contract.record(adata, key_added, {**shared, **settings})


def stain_profiles(
    objects: list[AnnData], method: str, reference: str | None
) -> list[dict[str, Any]]:
    """Profiles of the sections of each object, and of the reference they should get.

    Raises
    ------
    ContractError
        No such reference; a section without image or with hardly any tissue.
    """
    normaliser = NORMALISERS[method]
    profiles = [
        {
            section: normaliser.measure(open_slide(adata, section).thumbnail())
            for section in contract.sections(adata)
        }
        for adata in objects
    ]
    known = {name: p for own in reversed(profiles) for name, p in own.items()}
    if reference is None:
        reference = next(iter(profiles[0]))
    if reference not in known:
        raise ContractError("a reference among the sections", repr(reference), known)
    return [
        {"reference": reference, "wanted": known[reference], "profiles": own}
        for own in profiles
    ]


def _harmonise_expression(
    objects: list[AnnData],
    method: str,
    batch: str,
    covariates: Sequence[str],
    key_added: str,
) -> list[dict[str, Any]]:
    """Write the adjusted layer of every object; their settings."""
    for adata in objects:
        contract.unique_names(adata)
    full = np.concatenate([~contract.empty_spots(adata) for adata in objects])
    code, names = _coded_batches(objects, batch, full)
    genes = pd.Index(pd.unique(np.concatenate([a.var_names for a in objects])))
    values = np.concatenate([_values(adata, genes) for adata in objects])
    for b in range(len(names)):
        unseen = np.nan_to_num(values[code == b]).max(axis=0) == 0
        values[np.ix_(code == b, unseen)] = np.nan
    kept = _covariates(objects, covariates)
    adjusted = np.zeros_like(values)
    adjusted[full] = harmonise(values[full], code[full], kept[full], ADJUST[method])
    start = 0
    for adata in objects:
        rows = adjusted[start : start + adata.n_obs]
        start += adata.n_obs
        # Not measured is no count, and stays so.
        own = np.nan_to_num(rows[:, genes.get_indexer(adata.var_names)])
        adata.layers[key_added] = own.astype(np.float32)
    return [{"batch": batch, "covariates": list(covariates)} for _ in objects]


def _coded_batches(
    objects: list[AnnData], batch: str, full: np.ndarray
) -> tuple[np.ndarray, pd.Index]:
    """Batch of every spot of all objects, and their names."""
    labels = pd.concat([_batches(adata, batch) for adata in objects])
    code, names = pd.factorize(labels, sort=True)
    size = np.bincount(code[full], minlength=len(names))
    if len(names) < 2 or size.min() < 2:
        found = ", ".join(f"{n}: {s}" for n, s in zip(names, size, strict=True))
        expected = f"two batches of two spots with counts in obs[{batch!r}]"
        raise ContractError(expected, found)
    return code, names


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
