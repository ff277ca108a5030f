"""Find spatial domains."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import __version__, contract, keys, registry
from histobridge.contract import ContractError

if TYPE_CHECKING:
    from anndata import AnnData


def find_domains(
    adata: AnnData,
    k: int | None = None,
    *,
    system: str = "gpca_consensus",
    key_added: str = keys.DOMAIN,
    seed: int = 0,
    **params: Any,
) -> None:
    """Find spatial domains.

    Reads counts, positions and sections; writes the categorical
    ``obs[key_added]`` (``"1"``, ``"2"``, ... by decreasing size; missing for spots
    without counts), the embedding ``obsm[f"{key_added}_embedding"]`` and settings
    under ``uns["histobridge"][key_added]``.

    Parameters
    ----------
    k
        Number of domains; default chosen by the system.
    system
        Name from ``histobridge.systems("domains")``.
    seed
        Passed to the system.

    Raises
    ------
    ContractError
        No counts, no coordinates, NaN or negative counts, repeated names, ``k``
        below 2, unknown system.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.find_domains(bulb, k=5)
    >>> bulb.obs["domain"].notna().all()
    np.True_
    """
    contract.unique_names(adata)
    contract.coordinates(adata)
    if k is not None and (int(k) != k or k < 2):
        raise ContractError("k as a whole number of at least 2", k)
    model = registry.find(system, "domains").create(seed=seed, **params)
    full = ~contract.empty_spots(adata)
    part = adata if full.all() else adata[full].copy()
    labels = np.asarray(model.fit_predict(part, None if k is None else int(k)))
    names = np.full(adata.n_obs, None, dtype=object)
    order = pd.Series(labels).value_counts(sort=True).index
    if k is not None and len(order) < k:
        warnings.warn(
            f"asked for {k} domains, found {len(order)}: the data do not carry more",
            stacklevel=2,
        )
    rename = {label: str(i + 1) for i, label in enumerate(order)}
    names[full] = [rename[label] for label in labels]
    adata.obs[key_added] = pd.Categorical(
        names, categories=[rename[label] for label in order]
    )
    embedding = getattr(model, "embedding_", None)
    if embedding is not None:
        rows = np.full((adata.n_obs, embedding.shape[1]), np.nan)
        rows[full] = embedding
        adata.obsm[f"{key_added}_embedding"] = rows
    settings = {
        "verb": "find_domains",
        "system": system,
        "seed": seed,
        "params": params,
        "version": __version__,
        "k": len(order),
        "n_empty": int((~full).sum()),
    }
    for name in ("strength_", "agreement_"):
        if hasattr(model, name):
            settings[name.rstrip("_")] = float(getattr(model, name))
    contract.record(adata, key_added, settings)
