"""Benchmark translation systems beside what never saw the image."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, registry
from histobridge.contract import ContractError
from histobridge.evaluation import metrics
from histobridge.evaluation.aggregate import collect
from histobridge.evaluation.audit import audit_split
from histobridge.evaluation.result import (
    Benchmark,
    block_weights,
    peak_mb,
)
from histobridge.evaluation.views import training_view, withheld_view
from histobridge.splits import LeaveOnePatientOut, LeaveOneSectionOut, SpatialBlockKFold
from histobridge.translation.base import GENES
from histobridge.translation.target import LogCP10k

if TYPE_CHECKING:
    from anndata import AnnData

CEILING = "noise_ceiling"
TOP = 50
PROTOCOLS = ("patients", "sections", "blocks")


@dataclass
class _Fold:
    """One split: who is trained on, who is tested, what is known of the test."""

    protocol: str
    name: str
    train: np.ndarray
    test: np.ndarray
    target: LogCP10k


def benchmark_translation(
    adata: AnnData,
    systems: Sequence[str] | None = None,
    *,
    protocols: Sequence[str] = ("patients", "blocks"),
    genes: int | Sequence[str] = GENES,
    dataset: str = "data",
    n_bootstrap: int = 500,
    seed: int = 0,
    progress: bool = True,
) -> Benchmark:
    """Score systems under splits that do not leak, beside every baseline.

    Reads counts, positions, sections, patients and ``obsm["morphology"]``; writes
    nothing. Genes, normalisation and every parameter are fitted on training spots;
    test counts are withheld until ``predict`` has returned.

    Parameters
    ----------
    systems
        Names; default every house and published system. Baselines always run.
    protocols
        ``patients`` (leave one out; needs ``obs["patient"]``), ``sections``,
        ``blocks`` (spatial blocks with a buffer of patch + pitch).
    genes
        How many of the most variable genes of the training spots, or names.
    n_bootstrap
        Resamples of spatial blocks (of patients where there are three or more).

    Returns
    -------
    Benchmark. Metrics: ``pearson_gene`` (headline: per gene within a section,
    averaged over genes, sections, patients), ``pearson_gene_top50`` (the 50 most
    variable of the training spots), ``pearson_gene_partial`` (depth removed),
    ``pearson_spot``, ``pearson_spot_centred``, ``pearson_pooled``, ``mse_skill``
    (1 - error relative to the training mean). The pseudo-system ``noise_ceiling``
    is the best that counting noise allows.

    Raises
    ------
    ContractError
        Unknown protocol or system; no patient column; no counts.
    """
    contract.unique_names(adata)
    entries = [*registry.chosen("translation", systems, adata), None]
    folds = list(_folds(adata, protocols, genes, seed))
    audits = [
        {"protocol": f.protocol, "fold": f.name, **audit_split(adata, f.train, f.test)}
        for f in folds
    ]
    scores: list[dict[str, Any]] = []
    for fold, entry in _progress(folds, entries, progress):
        scores += _score_fold(adata, fold, entry, n_bootstrap, seed)
    table = collect(scores, adata, dataset, seed)
    return Benchmark(
        "translation",
        table,
        pd.DataFrame(audits),
        ("pearson_gene", "pearson_gene_top50", "pearson_gene_partial"),
        {"genes": genes, "protocols": list(protocols), "seed": seed},
    )


def _progress(
    folds: list[_Fold], entries: list, show: bool
) -> Iterable[tuple[_Fold, registry.System | None]]:
    from tqdm.auto import tqdm

    jobs = [(fold, entry) for fold in folds for entry in entries]
    return tqdm(jobs, desc="benchmark", disable=not show, leave=False)


def _folds(
    adata: AnnData, protocols: Sequence[str], genes: int | Sequence[str], seed: int
) -> Iterable[_Fold]:
    splitters = {
        "patients": LeaveOnePatientOut(),
        "sections": LeaveOneSectionOut(),
        "blocks": SpatialBlockKFold(seed=seed),
    }
    protocols = [protocols] if isinstance(protocols, str) else list(protocols)
    unknown = [p for p in protocols if p not in splitters]
    if unknown:
        raise ContractError("protocols", unknown, PROTOCOLS)
    full = ~contract.empty_spots(adata)
    for protocol in protocols:
        splitter = splitters[protocol]
        for i, (train, test) in enumerate(splitter.split(adata)):
            name = f"block fold {i + 1}"
            if protocol != "blocks":
                name = f"test {splitter.groups(adata).iloc[test[0]]}"
            train, test = train[full[train]], test[full[test]]
            target = LogCP10k().fit(adata, genes, train)
            yield _Fold(protocol, name, train, test, target)


def _score_fold(
    adata: AnnData,
    fold: _Fold,
    entry: registry.System | None,
    n_bootstrap: int,
    seed: int,
) -> list[dict[str, Any]]:
    started = time.perf_counter()
    guess = None
    if entry is not None:
        model = entry.create(seed=seed)
        known = training_view(adata, fold.train, entry.needs)
        model.fit(known, fold.target.genes_, fold.train)
        guess = model.predict(withheld_view(adata, fold.test, entry.needs), fold.test)
    seconds = time.perf_counter() - started
    truth = fold.target.transform(adata, fold.test)
    mean = fold.target.transform(adata, fold.train).mean(axis=0)
    names = contract.section_names(adata).to_numpy()[fold.test]
    blocks = SpatialBlockKFold().blocks(adata)[fold.test]
    scores = []
    for section in dict.fromkeys(names):
        rows = np.flatnonzero(names == section)
        if len(rows) < 5:
            continue
        spots = fold.test[rows]
        # The same resamples for every system, so that systems compare in pairs.
        rng = np.random.default_rng([seed, int(spots[0])])
        weights = block_weights(blocks[rows], n_bootstrap, rng)
        if guess is None:
            values = _ceiling(adata, spots, fold.target, seed)
        else:
            depth = contract.depth(adata)[spots]
            values = _metrics(guess[rows], truth[rows], mean, depth, weights)
        scores += [
            {
                "system": CEILING if entry is None else entry.name,
                "status": "bound" if entry is None else entry.status,
                "protocol": fold.protocol,
                "fold": fold.name,
                "section": section,
                "metric": metric,
                "value": value,
                "replicates": replicates,
                "n": len(rows),
                "seconds": seconds,
                "peak_mb": peak_mb(),
            }
            for metric, (value, replicates) in values.items()
        ]
    return scores


def _ceiling(
    adata: AnnData, spots: np.ndarray, target: LogCP10k, seed: int
) -> dict[str, tuple[float, np.ndarray]]:
    counts = sp.csr_matrix(contract.counts(adata))[spots]
    columns = adata.var_names.get_indexer(target.genes_)
    ceiling = metrics.noise_ceiling(counts, columns, seed)
    none = np.empty(0)
    return {
        "pearson_gene": (float(ceiling.mean()), none),
        "pearson_gene_top50": (float(ceiling[:TOP].mean()), none),
    }


def _metrics(
    guess: np.ndarray,
    truth: np.ndarray,
    mean: np.ndarray,
    depth: np.ndarray,
    weights: np.ndarray,
) -> dict[str, tuple[float, np.ndarray]]:
    genes = metrics.pearson_columns(guess, truth)
    boot = metrics.weighted_pearson(guess, truth, weights)
    partial = metrics.partial_pearson(guess, truth, depth)
    baseline = ((truth - mean) ** 2).sum()
    none = np.empty(0)
    return {
        "pearson_gene": (float(genes.mean()), boot.mean(axis=1)),
        "pearson_gene_top50": (float(genes[:TOP].mean()), boot[:, :TOP].mean(axis=1)),
        "pearson_gene_partial": (float(partial.mean()), none),
        "pearson_spot": (metrics.spot_pearson(guess, truth), none),
        "pearson_spot_centred": (
            metrics.gene_centred_spot_pearson(guess, truth, mean),
            none,
        ),
        "pearson_pooled": (metrics.pooled_pearson(guess, truth), none),
        "mse_skill": (float(1 - ((truth - guess) ** 2).sum() / baseline), none),
    }
