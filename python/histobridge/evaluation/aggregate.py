"""From scores of jobs to a table: seeds, then sections, then patients, with bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from histobridge.evaluation.problem import Fold
from histobridge.evaluation.result import ALL, interval, tidy


@dataclass(frozen=True)
class Scored:
    """Record of one system on one fold with one seed, see ``jobs.Record``."""

    system: str
    status: str
    fold: Fold
    seed: int
    record: dict[str, Any]
    config: str = ""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of its scores: what was scored alike is a run of the same."""
        return tuple(self.record["parts"][0]["scores"])


@dataclass(frozen=True)
class Value:
    """One metric in one section: median over seeds, replicates of the middle one."""

    fold: str
    section: str
    patient: str
    n: int
    value: float
    replicates: np.ndarray
    seconds: float
    peak_mb: float


Key = tuple[str, str, str, str]
"""System, status, protocol, metric."""


def collect(scored: list[Scored], dataset: str, headline: str) -> pd.DataFrame:
    """Average sections within patients, then patients; bounds from replicates."""
    rows = []
    for key, values in by_metric(scored, headline).items():
        system, status, protocol, metric = key
        facts = {"system": system, "status": status, "protocol": protocol}
        facts |= {"metric": metric, "dataset": dataset}
        folds = _grouped(values, lambda v: v.fold)
        parts = {**folds, ALL: values}
        rows += [{**facts, **summarised(p), "fold": name} for name, p in parts.items()]
    return tidy(rows)


def by_metric(scored: list[Scored], headline: str) -> dict[Key, list[Value]]:
    """Values of every section, seeds merged; with seeds, the spread of the headline."""
    found: dict[Key, list[Value]] = {}
    runs = _grouped(
        scored, lambda s: (s.system, s.fold.protocol, s.fold.name, s.metrics)
    )
    for (system, protocol, fold, _), seeds in runs.items():
        status = seeds[0].status
        seconds = float(np.mean([s.record["cost"]["wall_s"] for s in seeds]))
        peak = max(s.record["cost"]["peak_rss"] for s in seeds)
        for parts in zip(*(s.record["parts"] for s in seeds), strict=True):
            values = _merged(list(parts), headline)
            for metric, (value, replicates) in values.items():
                one = parts[0]
                facts = (fold, one["section"], one["patient"], one["n"])
                merged = Value(*facts, value, replicates, seconds, peak)
                found.setdefault((system, status, protocol, metric), []).append(merged)
    return found


def _merged(
    parts: list[dict[str, Any]], headline: str
) -> dict[str, tuple[float, np.ndarray]]:
    """Median over seeds and replicates of the middle seed, by metric."""
    deciding = (
        headline if headline in parts[0]["scores"] else next(iter(parts[0]["scores"]))
    )
    order = np.argsort([p["scores"][deciding] for p in parts])
    middle = parts[int(order[len(parts) // 2])]
    merged = {}
    for metric in parts[0]["scores"]:
        values = [p["scores"][metric] for p in parts]
        drawn = np.asarray(middle["replicates"].get(metric, []))
        merged[metric] = (float(np.median(values)), drawn)
        if metric == headline and len(parts) > 1:
            merged[f"{metric}_spread"] = (float(np.ptp(values)), np.empty(0))
    return merged


def summarised(values: list[Value]) -> dict[str, Any]:
    """Mean over sections, then patients, with its interval."""
    patients = _grouped(values, lambda v: v.patient)
    means = np.array([np.mean([v.value for v in own]) for own in patients.values()])
    low, high = interval(_replicates(patients, means), float(means.mean()))
    folds = _grouped(values, lambda v: v.fold)
    return {
        "value": float(means.mean()),
        "lower": low,
        "upper": high,
        "n": sum(v.n for v in values),
        "seconds": sum(own[0].seconds for own in folds.values()),
        "peak_mb": max(v.peak_mb for v in values),
    }


def _replicates(patients: dict[str, list[Value]], means: np.ndarray) -> np.ndarray:
    """Resampled means: blocks, and patients too where there are three or more."""
    drawn = [
        np.mean([v.replicates for v in own], axis=0)
        for own in patients.values()
        if all(len(v.replicates) for v in own)
    ]
    if len(drawn) < len(means):
        if len(means) < 3:
            return np.empty(0)
        drawn = list(np.repeat(means[:, None], REPLICATES, axis=1))
    stacked = np.stack(drawn)
    if len(stacked) >= 3:
        rng = np.random.default_rng(0)
        order = rng.integers(len(stacked), size=stacked.shape)
        stacked = np.take_along_axis(stacked, order, axis=0)
    return stacked.mean(axis=0)


REPLICATES = 500
"""Resamples of patients for a metric that has none of blocks."""


def _grouped(items: Iterable[Any], key: Callable[[Any], Any]) -> dict[Any, list[Any]]:
    """Lists by key, in order of first appearance."""
    groups: dict[Any, list[Any]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
