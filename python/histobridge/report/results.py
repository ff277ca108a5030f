"""What a report can be about, sorted by kind, and what all of it has in common."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import anndata as ad
import pandas as pd

from histobridge import __version__, contract, keys
from histobridge.contract import ContractError
from histobridge.evaluation.heldout import HeldOut
from histobridge.evaluation.result import Benchmark

LIBRARIES = ("numpy", "scipy", "scikit-learn", "anndata", "torch", "scanpy")


@dataclass(frozen=True)
class Results:
    """Benchmarks, held-out predictions and objects by name, and a title."""

    title: str
    benchmarks: dict[str, Benchmark] = field(default_factory=dict)
    held_out: dict[str, HeldOut] = field(default_factory=dict)
    objects: dict[str, ad.AnnData] = field(default_factory=dict)

    @property
    def date(self) -> str:
        """Today."""
        return datetime.date.today().isoformat()

    @property
    def versions(self) -> dict[str, str]:
        """Versions of this package, Python and the libraries beneath."""
        found = {"histobridge": __version__, "python": platform.python_version()}
        for name in LIBRARIES:
            try:
                found[name] = version(name)
            except PackageNotFoundError:
                continue
        return found

    def scores(self) -> pd.DataFrame:
        """Tables of all benchmarks, with the task of each."""
        tables = [b.table.assign(task=b.task) for b in self.benchmarks.values()]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def cost(self) -> pd.DataFrame:
        """Time, memory and energy of every system, as the runs recorded them."""
        tables = [b.runs.assign(task=b.task) for b in self.benchmarks.values()]
        tables = [t.drop_duplicates("config") for t in tables if "config" in t]
        if not tables:
            return pd.DataFrame()
        by = ["task", "dataset", "system"]
        return (
            pd.concat(tables)
            .groupby(by, sort=False)
            .agg(
                wall_s=("wall_s", "sum"),
                cpu_s=("cpu_s", "sum"),
                peak_rss=("peak_rss", "max"),
                energy_kwh=("energy_kwh", "sum"),
                measured=("measured", "first"),
                estimated=("estimated", "first"),
            )
            .reset_index()
        )

    def leaks(self) -> pd.DataFrame:
        """One row per flag that was raised or could not be looked at."""
        tables = [h.audit.assign(of=name) for name, h in self.held_out.items()]
        if not tables:
            return pd.DataFrame(columns=["of", "split", "flag", "leak", "status"])
        rows = pd.concat(tables)
        return rows[rows["status"] != "clean"]

    def leaky_splits(self) -> list[str]:
        """Splits of benchmarks whose audit names a leak."""
        found = []
        for name, benchmark in self.benchmarks.items():
            audit = benchmark.audit
            if "leaks" in audit:
                bad = audit[audit["leaks"].astype(str).str.len() > 0]
                found += [f"{name}, {fold}: {what}" for fold, what in
                          zip(bad["fold"], bad["leaks"], strict=True)]  # fmt: skip
        return found

    def settings(self) -> dict[str, dict[str, Any]]:
        """What every result records of how it was made."""
        made = {n: b.settings for n, b in self.benchmarks.items()}
        made |= {n: h.settings for n, h in self.held_out.items()}
        for name, adata in self.objects.items():
            for key, entry in adata.uns.get(keys.SETTINGS, {}).items():
                if isinstance(entry, Mapping):
                    made[f"{name}, {key}"] = dict(entry)
        return made


def gather(results: Any, title: str) -> Results:
    """Sort one result, a list of them or a mapping of them by kind.

    Raises
    ------
    ContractError
        When there is nothing to report, or something that is no result.
    """
    if isinstance(results, Benchmark | HeldOut | ad.AnnData):
        results = [results]
    if isinstance(results, Sequence) and not isinstance(results, str):
        results = {_name(r, i): r for i, r in enumerate(results)}
    if not isinstance(results, Mapping):
        raise ContractError(EXPECTED, type(results).__name__)
    kinds: dict[type, dict[str, Any]] = {Benchmark: {}, HeldOut: {}, ad.AnnData: {}}
    for name, result in results.items():
        kind = next((k for k in kinds if isinstance(result, k)), None)
        if kind is None:
            raise ContractError(EXPECTED, f"{type(result).__name__} as {name!r}")
        if kind is ad.AnnData and not _recorded(result):
            continue
        kinds[kind][str(name)] = result
    if not any(kinds.values()):
        raise ContractError(EXPECTED, "none of either")
    return Results(title, *kinds.values())


VERBS = ("predict_expression", "find_domains", "deconvolve", "enhance_resolution")
EXPECTED = "benchmarks, held-out predictions, or objects with results of a verb"
EXPECTED += f" ({', '.join(VERBS)})"


def _name(result: Any, place: int) -> str:
    kind = result.task if isinstance(result, Benchmark) else type(result).__name__
    return f"{place + 1}: {kind}"


def _recorded(adata: ad.AnnData) -> bool:
    contract.unique_names(adata)
    entries = adata.uns.get(keys.SETTINGS, {}).values()
    return any(isinstance(e, Mapping) and e.get("verb") in VERBS for e in entries)
