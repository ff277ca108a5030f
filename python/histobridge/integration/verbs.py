"""Embed sections and find spatial domains."""

from __future__ import annotations

import hashlib
import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import __version__, contract, keys, registry
from histobridge.contract import ContractError
from histobridge.integration.consensus import Vote
from histobridge.integration.runs import Run, several_runs, usual_runs
from histobridge.parallel import Progress
from histobridge.splits.base import whole

if TYPE_CHECKING:
    from anndata import AnnData


def run_integration(
    adata: AnnData,
    system: str = "gpca_consensus",
    *,
    key_added: str = keys.INTEGRATION,
    seed: int = 0,
    **params: Any,
) -> None:
    """Embed every spot from its genes, its surroundings and, where used, its image.

    Reads counts, positions, sections and, where the system uses it,
    ``obsm["morphology"]``; writes the embedding ``obsm[key_added]`` (n_spots, d; NaN
    for spots without counts) and settings under ``uns["histobridge"][key_added]``.

    Parameters
    ----------
    system
        Name from ``histobridge.list_systems("domains")``, baselines excepted.
    seed, params
        Passed to the system.

    Raises
    ------
    ContractError
        No counts, no coordinates, NaN or negative counts, repeated names, unknown
        system, a system that has no embedding.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.run_integration(bulb, "nichepca")
    >>> bulb.obsm["integration"].shape
    (264, 30)
    """
    entry = _checked(adata, system)
    if entry.status == "baseline":
        raise ContractError("a system with an embedding", f"the baseline {system!r}")
    model = entry.create(seed=seed, **params)
    full = ~contract.empty_spots(adata)
    model.fit(_part(adata, full))
    adata.obsm[key_added] = _spread(model.embedding_, full)
    settings = {"verb": "run_integration", **_settings(system, seed, params, full)}
    contract.record(adata, key_added, settings | model.facts_)


def find_domains(
    adata: AnnData,
    k: int | None = None,
    *,
    system: str = "gpca_consensus",
    key_added: str = keys.DOMAIN,
    seed: int = 0,
    seeds: int | None = None,
    workers: int | None = None,
    progress: Progress = True,
    **params: Any,
) -> None:
    """Find spatial domains.

    Embeds as :func:`run_integration` does and clusters the embedding, from several
    seeds where that is random: every spot goes where most runs put it. Reads counts,
    positions, sections and, where the system uses it, ``obsm["morphology"]``;
    writes the categorical ``obs[key_added]`` (``"1"``, ``"2"``, ... by decreasing
    size; missing for spots without counts), the share of runs that agree
    ``obs[f"{key_added}_support"]`` (of several runs), the embedding of the first run
    ``obsm[f"{key_added}_embedding"]`` and settings under
    ``uns["histobridge"][key_added]``, where ``run_agreement`` is the mean adjusted
    Rand index over pairs of runs: the lower, the more the domains are a matter of
    chance.

    Parameters
    ----------
    k
        Number of domains; default chosen by the system, unless it is a baseline. No
        labels are known, so treat that number as a proposal and try others.
    system
        Name from ``histobridge.list_systems("domains")``.
    seed
        Of the first run; seeds of the others are drawn from it.
    seeds
        Runs, of which the consensus is taken; default 10, or 1 of more than 5,000
        spots. Where the first two agree exactly there are no more.
    workers
        Processes that share the runs.
    progress
        Whether to show a bar, or what is called with (done, total) after every run.
    params
        Passed to the system.

    Raises
    ------
    ContractError
        No counts, no coordinates, NaN or negative counts, repeated names, ``k``
        below 2, no ``seeds``, unknown system.

    Notes
    -----
    ``gpca_consensus`` chooses without labels, on the tissue at hand: how strongly to
    smooth (generalised cross-validation, and the least smoothing at which the
    surroundings of a spot tell its domain), the number of domains (agreement of
    halves of the spots), whether layers are too thin for a vote, and whether image
    features enter (only if they help to predict held-out genes; ``image`` and
    ``image_evidence`` of the settings say so, ``image=False`` leaves them out).
    Chosen by its authors with the labels of twelve sections in sight, hence fixed
    and its scores there optimistic: normalisation to the median depth, the grid of
    components and multiples, average linkage, the bar of .75 for settled domains,
    and the strength below which there is no vote. The rule for the image was made
    on simulated tissue alone.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.find_domains(bulb, k=5)
    >>> bulb.obs["domain"].notna().all()
    np.True_
    """
    entry = _checked(adata, system)
    k = None if k is None else whole(k, 2, "k")
    if k is None and entry.status == "baseline":
        raise ContractError("k, which no baseline chooses", f"none for {system!r}")
    full = ~contract.empty_spots(adata)
    if k is not None and full.sum() < k:
        raise ContractError(f"at least {k} spots with counts for k = {k}", full.sum())
    asked = whole(usual_runs(full.sum()) if seeds is None else seeds, 1, "seeds")
    part = _part(adata, full)
    first, vote, runs = several_runs(
        entry, part, k, seed, asked, params, workers=workers, progress=progress
    )
    labels = _by_size(vote.labels)
    n = int(labels.max()) + 1
    if k is not None and n != k:
        warnings.warn(
            f"asked for {k} domains, found {n}: {system} reaches no other number here",
            contract.ContractWarning,
            stacklevel=2,
        )
    _write(adata, key_added, full, labels, vote if runs > 1 else None, first)
    settings = {"verb": "find_domains", **_settings(system, seed, params, full)}
    settings |= {"k": n, "seeds": asked, "runs": runs}
    if runs > 1:
        settings["run_agreement"] = vote.agreement
    contract.record(adata, key_added, settings | first.facts)


def _write(
    adata: AnnData,
    key: str,
    full: np.ndarray,
    labels: np.ndarray,
    vote: Vote | None,
    first: Run,
) -> None:
    """Domains, how sure they are where runs were compared, and the embedding."""
    support = f"{key}_support"
    if support in adata.obs and key in adata.uns.get(keys.SETTINGS, {}):
        # Of an earlier call, whose domains these are not.
        del adata.obs[support]
    names = np.full(adata.n_obs, None, dtype=object)
    names[full] = (labels + 1).astype(str)
    levels = [str(i + 1) for i in range(int(labels.max()) + 1)]
    adata.obs[key] = pd.Categorical(names, categories=levels)
    if vote is not None:
        adata.obs[support] = _spread(vote.support[:, None], full)[:, 0]
    if first.embedding is not None:
        adata.obsm[f"{key}_embedding"] = _spread(first.embedding, full)


def _checked(adata: AnnData, system: str) -> registry.System:
    contract.unique_names(adata)
    contract.coordinates(adata)
    return registry.find(system, "domains")


def _part(adata: AnnData, full: np.ndarray) -> AnnData:
    return adata if full.all() else adata[full].copy()


def _spread(embedding: np.ndarray, full: np.ndarray) -> np.ndarray:
    rows = np.full((len(full), embedding.shape[1]), np.nan)
    rows[full] = embedding
    return rows


def _by_size(labels: np.ndarray) -> np.ndarray:
    """Rename labels to 0, 1, ... by decreasing size."""
    order = pd.Series(labels).value_counts(sort=True).index
    return pd.Index(order).get_indexer(labels)


def _settings(
    system: str, seed: int, params: dict[str, Any], full: np.ndarray
) -> dict[str, Any]:
    configuration = json.dumps(
        [system, __version__, params], sort_keys=True, default=repr
    )
    return {
        # Runs that differ in their seed only share it.
        "configuration": hashlib.sha256(configuration.encode()).hexdigest()[:12],
        "system": system,
        "seed": seed,
        "params": params,
        "version": __version__,
        "n_empty": int((~full).sum()),
    }
