"""Benchmark deconvolution systems against known proportions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import contract, registry
from histobridge.contract import ContractError
from histobridge.deconvolution.verbs import shared_problem
from histobridge.evaluation import metrics
from histobridge.evaluation.result import ALL, Benchmark, interval, peak_mb, tidy
from histobridge.evaluation.views import declared_view

if TYPE_CHECKING:
    from anndata import AnnData


def benchmark_deconvolution(
    adata: AnnData,
    reference: AnnData,
    *,
    truth: str = "true_proportions",
    labels: str = "cell_type",
    systems: Sequence[str] | None = None,
    dataset: str = "data",
    n_bootstrap: int = 500,
    seed: int = 0,
    progress: bool = True,
) -> Benchmark:
    """Score proportions against ``obsm[truth]`` beside uniform, Dirichlet and NNLS.

    Parameters
    ----------
    truth
        ``obsm`` data frame (n_spots x n_types); a type of the reference that it
        lacks counts as absent.
    labels
        ``reference.obs`` column of cell types.

    Returns
    -------
    Benchmark with metrics ``rmse_spot`` (headline; mean over spots of the root mean
    squared error over types), ``auprc`` (presence), ``pearson_spot`` and
    ``jsd_spot`` (bits); bounds by resampling spots.

    Raises
    ------
    ContractError
        No truth, or none of its types in the reference; see ``deconvolve``.

    Examples
    --------
    >>> import histobridge as hb
    >>> mixture = hb.data.example_mixture()
    >>> reference = hb.data.example_reference()
    >>> scores = hb.benchmark_deconvolution(mixture, reference, progress=False)
    >>> scores.summary()["system"].iloc[0]
    'poisson_image'
    """
    from tqdm.auto import tqdm

    contract.unique_names(adata)
    counts, signatures = shared_problem(adata, reference, labels)
    known = _truth(adata, truth, signatures.types)
    full = np.asarray(counts.sum(axis=1)).ravel() > 0
    rng = np.random.default_rng(seed)
    n = int(full.sum())
    draws = rng.integers(n, size=(n_bootstrap, n))
    rows: list[dict[str, Any]] = []
    part = adata[full]
    entries = registry.chosen("deconvolution", systems, adata)
    bar = tqdm(entries, desc="deconvolution", disable=not progress, leave=False)
    for entry in bar:
        started = time.perf_counter()
        model = entry.create(seed=seed)
        seen = declared_view(part, entry.needs)
        estimate = model.fit_predict(seen, counts[full], signatures)
        seconds = time.perf_counter() - started
        for metric, score in METRICS.items():
            value, low, high = score(estimate, known[full], draws)
            rows.append(
                {
                    "dataset": dataset,
                    "system": entry.name,
                    "status": entry.status,
                    "protocol": "other section as reference",
                    "fold": ALL,
                    "metric": metric,
                    "value": value,
                    "lower": low,
                    "upper": high,
                    "n": n,
                    "seconds": seconds,
                    "peak_mb": peak_mb(),
                }
            )
    return Benchmark(
        "deconvolution",
        tidy(rows),
        pd.DataFrame(),
        ("rmse_spot", "auprc", "pearson_spot"),
        {"truth": truth, "labels": labels, "seed": seed},
    )


def _truth(adata: AnnData, key: str, types: list[str]) -> np.ndarray:
    if key not in adata.obsm or not isinstance(adata.obsm[key], pd.DataFrame):
        frames = [k for k, v in adata.obsm.items() if isinstance(v, pd.DataFrame)]
        raise ContractError(
            f"true proportions as a data frame in obsm[{key!r}] (an altExp in R)",
            "none",
            frames,
        )
    frame = adata.obsm[key]
    absent = [t for t in frame.columns if t not in types]
    if absent:
        raise ContractError(
            "every type of the truth in the reference", f"absent: {absent}", types
        )
    return frame.reindex(columns=types, fill_value=0.0).to_numpy(dtype=float)


Score = tuple[float, float, float]


def _mean_over_spots(
    per_spot: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> Callable[[np.ndarray, np.ndarray, np.ndarray], Score]:
    def score(estimate: np.ndarray, truth: np.ndarray, draws: np.ndarray) -> Score:
        values = per_spot(estimate, truth)
        value = float(values.mean())
        return (value, *interval(values[draws].mean(axis=1), value))

    return score


def _auprc(estimate: np.ndarray, truth: np.ndarray, draws: np.ndarray) -> Score:
    area = metrics.area_under_precision_recall
    boot = np.array([area(estimate[d], truth[d]) for d in draws[:100]])
    value = area(estimate, truth)
    return (value, *interval(boot, value))


METRICS = {
    "rmse_spot": _mean_over_spots(metrics.spot_rmse),
    "auprc": _auprc,
    "pearson_spot": _mean_over_spots(
        lambda estimate, truth: metrics.pearson_columns(estimate.T, truth.T)
    ),
    "jsd_spot": _mean_over_spots(metrics.jensen_shannon),
}
