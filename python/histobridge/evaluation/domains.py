"""Benchmark domain systems beside coordinates, genes and images alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import contract, registry
from histobridge.evaluation.result import (
    ALL,
    Benchmark,
    block_weights,
    interval,
    peak_mb,
    tidy,
)
from histobridge.evaluation.views import declared_view
from histobridge.splits import SpatialBlockKFold

if TYPE_CHECKING:
    from anndata import AnnData

SEEDS = 10


def benchmark_domains(
    adata: AnnData,
    truth: str,
    *,
    k: int | None = None,
    systems: Sequence[str] | None = None,
    seeds: int = SEEDS,
    dataset: str = "data",
    n_bootstrap: int = 500,
    progress: bool = True,
) -> Benchmark:
    """Score domains of every section against labels.

    Reads what the systems read, and ``obs[truth]`` for scoring only: systems get an
    object without it. Spots without label or counts are left out before anything is
    fitted. Writes nothing.

    Parameters
    ----------
    truth
        ``obs`` column of labels.
    k
        Number of domains; default the number of labels in the section.
    systems
        Names; default all house and published systems. Baselines always run.
    seeds
        Runs per system; the median is reported. A system whose runs agree exactly
        is run twice only.

    Returns
    -------
    Benchmark with metrics ``ari`` (headline) and ``nmi``; bounds by resampling
    spatial blocks of the median run; metric ``ari_spread`` is the range over seeds.

    Raises
    ------
    ContractError
        Label column absent or with one class; whatever a system needs.
    """
    from tqdm.auto import tqdm

    contract.unique_names(adata)
    labels = contract.labels(adata, truth, "domain labels")
    usable = labels.notna().to_numpy() & ~contract.empty_spots(adata)
    entries = registry.chosen("domains", systems, adata)
    rows: list[dict[str, Any]] = []
    parts = contract.sections(adata)
    jobs = [(name, entry) for name in parts for entry in entries]
    for name, entry in tqdm(jobs, desc="domains", disable=not progress, leave=False):
        spots = parts[name][usable[parts[name]]]
        section = adata[spots]
        known = labels.iloc[spots].astype(str).to_numpy()
        wanted = k or len(set(known))
        scored = _score(section, known, wanted, entry, seeds, n_bootstrap)
        rows += [{"fold": name, "protocol": "K given", **row} for row in scored]
    table = pd.DataFrame(rows)
    return Benchmark(
        "domains",
        tidy([{**r, "dataset": dataset} for r in [*rows, *_mean(table)]]),
        pd.DataFrame(),
        ("ari", "nmi"),
        {"truth": truth, "k": k, "seeds": seeds},
    )


def _score(
    section: AnnData,
    known: np.ndarray,
    k: int,
    entry: registry.System,
    seeds: int,
    n_bootstrap: int,
) -> list[dict[str, Any]]:
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    started = time.perf_counter()
    runs: list[np.ndarray] = []
    for seed in range(seeds):
        seen = declared_view(section, entry.needs)
        runs.append(np.asarray(entry.create(seed=seed).fit_predict(seen, k)))
        if seed == 1 and np.array_equal(runs[0], runs[1]):
            break
    seconds = (time.perf_counter() - started) / len(runs)
    ari = np.array([adjusted_rand_score(known, run) for run in runs])
    middle = runs[int(np.argsort(ari)[len(ari) // 2])]
    weights = block_weights(
        SpatialBlockKFold().blocks(section), n_bootstrap, np.random.default_rng(0)
    )
    boot = np.array([weighted_ari(known, middle, w) for w in weights])
    low, high = interval(boot, float(np.median(ari)))
    facts = {
        "system": entry.name,
        "status": entry.status,
        "n": len(known),
        "seconds": seconds,
        "peak_mb": peak_mb(),
    }
    nmi = np.median([normalized_mutual_info_score(known, run) for run in runs])
    return [
        {**facts, "metric": "ari", "value": float(np.median(ari))}
        | {"lower": low, "upper": high},
        {**facts, "metric": "nmi", "value": float(nmi)},
        {**facts, "metric": "ari_spread", "value": float(np.ptp(ari))},
    ]


def weighted_ari(truth: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Adjusted Rand index when spot i counts ``weights[i]`` times."""
    _, rows = np.unique(truth, return_inverse=True)
    _, columns = np.unique(labels, return_inverse=True)
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), weights)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    both, left = pairs(table), pairs(table.sum(axis=1))
    right, total = pairs(table.sum(axis=0)), pairs(weights.sum(keepdims=True))
    expected = left * right / total if total else 0.0
    most = (left + right) / 2
    return (both - expected) / (most - expected) if most > expected else 1.0


def _mean(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    by = ["system", "status", "protocol", "metric"]
    for names, group in table.groupby(by, sort=False):
        rows.append(
            dict(zip(by, names, strict=True))
            | {
                "fold": ALL,
                "value": group["value"].mean(),
                "lower": group["lower"].mean(),
                "upper": group["upper"].mean(),
                "n": int(group["n"].sum()),
                "seconds": group["seconds"].sum(),
                "peak_mb": group["peak_mb"].max(),
            }
        )
    return rows
