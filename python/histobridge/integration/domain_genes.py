"""The verb that finds genes of domains, with p-values that space cannot fool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, graphs, keys, statistics
from histobridge.contract import ContractError
from histobridge.integration.saliency import MarginSaliency
from histobridge.integration.verbs import find_domains
from histobridge.normalisation import log_normalise
from histobridge.statistics import benjamini_hochberg

if TYPE_CHECKING:
    from anndata import AnnData

METHODS = ("difference", "saliency")


def find_domain_genes(
    adata: AnnData,
    domains: str = keys.DOMAIN,
    *,
    method: str = "difference",
    thinned: bool | None = None,
    draws: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Find the genes that set each domain apart from the other spots.

    Reads counts, positions, sections, ``obs[domains]`` and, where there is one,
    ``obs["patient"]``; writes nothing. Neighbouring spots are alike, so a test that
    takes spots for independent finds genes for any region. Here the labels of every
    section are shifted across it and its mirror image, which keeps the
    autocorrelation of labels and genes, and p is how often shifted labels differ as
    much.

    Parameters
    ----------
    domains
        ``obs`` column of labels. Spots where it is missing are left out.
    method
        ``"difference"`` of log1p counts per 10,000 within sections, or
        ``"saliency"``: gradient of a classifier's margin, which weighs genes
        together.
    thinned
        Find the domains again, with the recorded system, on one binomial half of the
        counts and test on the other, so that no molecule is used twice. By default
        where :func:`find_domains` found the labels on these counts.
    draws
        Shifts; p is a multiple of ``1 / (draws + 1)``. Small sections have fewer.
    seed
        Of shifts and halves.

    Returns
    -------
    One row per domain and gene, smallest ``p_value`` of each domain first:
    ``domain``, ``gene``, ``log_fold_change`` (log2 of mean counts per 10,000, plus
    one), ``statistic``, ``p_value`` and ``fdr`` (Benjamini-Hochberg within a domain)
    of the shifted null; ``wilcoxon_p_value``, ``wilcoxon_fdr`` and ``morans_i`` for
    comparison; ``pseudobulk_log_fold_change``, ``pseudobulk_p_value`` and
    ``pseudobulk_fdr`` between patients (NaN with fewer than two that have both
    sides); ``overlap`` of the domain tested with the one in ``obs`` (Jaccard; 1 when
    not thinned). Saliency adds ``deletion``, the share of the margin lost without the
    20 top genes, and ``deletion_random``, the 95th percentile of what as many random
    genes lose.

    Raises
    ------
    ContractError
        Absent labels, fewer than two domains, unknown method, no draws; thinning of
        counts that are not whole or of labels that :func:`find_domains` did not find.

    Notes
    -----
    One section holds few independent copies of a domain: a single compact domain
    whose gene is smooth reaches no small p. Several sections shift independently.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> table = hb.find_domain_genes(bulb, "layer", draws=99)
    >>> table.columns[:5].tolist()
    ['domain', 'gene', 'log_fold_change', 'statistic', 'p_value']
    """
    contract.unique_names(adata)
    if method not in METHODS:
        raise ContractError("a method", repr(method), METHODS)
    if int(draws) != draws or draws < 1:
        raise ContractError("draws as a whole number of at least 1", draws)
    contract.labels(adata, domains, "domains")
    if thinned is None:
        thinned = _record(adata, domains) is not None
    tested = _thinned(adata, domains, seed) if thinned else _all(adata, domains)
    shifts = statistics.section_shifts(tested.points, tested.sections, int(draws), seed)
    return _table(tested, adata.var_names, method, shifts, seed)


@dataclass(frozen=True)
class _Tested:
    """The spots that are tested: counts, labels and where they lie."""

    counts: sp.csr_matrix
    labels: np.ndarray
    points: np.ndarray
    sections: np.ndarray
    patients: np.ndarray
    overlap: pd.Series


def _all(adata: AnnData, domains: str) -> _Tested:
    labels = adata.obs[domains]
    overlap = pd.Series(1.0, index=labels.dropna().astype(str).unique())
    return _kept(adata, sp.csr_matrix(contract.counts(adata)), labels, overlap)


def _thinned(adata: AnnData, domains: str, seed: int) -> _Tested:
    """Domains from one half of the counts, named as theirs are; the other half."""
    record = _record(adata, domains)
    if record is None:
        raise ContractError(
            f"obs[{domains!r}] found by find_domains, to find it on half the counts",
            "no record of it; thinned=False takes labels from elsewhere",
        )
    found_on, counts = statistics.split_counts(contract.integer_counts(adata), seed)
    half = adata.copy()
    if keys.COUNTS in half.layers:
        half.layers[keys.COUNTS] = found_on
    else:
        half.X = found_on
    find_domains(
        half,
        int(record["k"]),
        system=str(record["system"]),
        key_added=domains,
        seed=int(record["seed"]),
        seeds=int(record.get("seeds", 1)),
        progress=False,
        **dict(record["params"]),
    )
    labels, overlap = _renamed(half.obs[domains], adata.obs[domains])
    return _kept(adata, counts, labels, overlap)


def _record(adata: AnnData, domains: str) -> dict | None:
    """What find_domains noted about the column; None when it did not write it."""
    record = adata.uns.get(keys.SETTINGS, {}).get(domains)
    found = record is not None and record.get("verb") == "find_domains"
    return record if found else None


def _renamed(found: pd.Series, given: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Give each domain found again the name of the one that it overlaps."""
    from scipy.optimize import linear_sum_assignment

    both = pd.crosstab(found.astype(str), given.astype(str))
    both = both.drop(index="nan", columns="nan", errors="ignore")
    sizes = both.to_numpy().sum(axis=1)[:, None] + both.to_numpy().sum(axis=0)
    jaccard = both / (sizes - both.to_numpy())
    rows, columns = linear_sum_assignment(-jaccard.to_numpy())
    names = dict(zip(both.index[rows], both.columns[columns], strict=True))
    overlap = pd.Series(jaccard.to_numpy()[rows, columns], index=both.columns[columns])
    return found.astype(object).map(names), overlap


def _kept(
    adata: AnnData, counts: sp.csr_matrix, labels: pd.Series, overlap: pd.Series
) -> _Tested:
    """Only spots with a label and with counts."""
    full = np.asarray(counts.sum(axis=1)).ravel() > 0
    spots = np.flatnonzero(labels.notna().to_numpy() & full)
    patient = keys.PATIENT if keys.PATIENT in adata.obs else None
    patients = adata.obs[patient].astype(object) if patient else np.zeros(adata.n_obs)
    return _Tested(
        counts[spots],
        labels.astype(str).to_numpy()[spots],
        graphs.positions_microns(adata)[spots],
        graphs.section_codes(adata)[spots],
        np.asarray(patients)[spots],
        overlap,
    )


def _table(
    tested: _Tested, genes: pd.Index, method: str, shifts: np.ndarray, seed: int
) -> pd.DataFrame:
    values = log_normalise(tested.counts)
    domains = np.unique(tested.labels)
    inside = tested.labels[:, None] == domains
    graph = graphs.knn_graph(tested.points, tested.sections, 6)
    shared = {
        "change": statistics.log_fold_change(tested.counts, inside).T,
        "wilcoxon": statistics.wilcoxon_p(values, inside).T,
    }
    moran = statistics.morans_i(values, statistics.row_standardised(graph))
    by_gene = values.T.tocsr()
    saliency = MarginSaliency(values, seed) if method == "saliency" else None
    parts = []
    for k, domain in enumerate(domains):
        seen, p = statistics.shifted_p(
            saliency or (lambda centred: by_gene @ centred),
            inside[:, k],
            tested.sections,
            shifts,
        )
        part = pd.DataFrame({"domain": domain, "gene": genes})
        part["log_fold_change"] = shared["change"][k]
        part["statistic"], part["p_value"] = seen, p
        part["fdr"] = benjamini_hochberg(p)
        part["wilcoxon_p_value"] = shared["wilcoxon"][k]
        part["wilcoxon_fdr"] = benjamini_hochberg(shared["wilcoxon"][k])
        part["morans_i"] = moran
        part = part.assign(**_pseudobulk(tested, inside[:, k]))
        part["overlap"] = tested.overlap[domain]
        if saliency:
            kept, random = saliency.deletion(seen, inside[:, k], seed)
            part["deletion"], part["deletion_random"] = kept, random
        parts.append(part.sort_values("p_value", kind="stable"))
    return pd.concat(parts, ignore_index=True)


def _pseudobulk(tested: _Tested, inside: np.ndarray) -> dict[str, np.ndarray | float]:
    found = statistics.pseudobulk_difference(tested.counts, inside, tested.patients)
    change, p = found or (np.nan, np.nan)
    return {
        "pseudobulk_log_fold_change": change,
        "pseudobulk_p_value": p,
        "pseudobulk_fdr": np.nan if found is None else benjamini_hochberg(found[1]),
    }
