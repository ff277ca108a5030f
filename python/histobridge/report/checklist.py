"""A reporting checklist that machines read and a run fills in as far as it can.

In the manner of CALIFRAME (JAMIA Open 2024, 10.1093/jamiaopen/ooae105): items of a
reporting guideline (CONSORT-AI 2020 extension, 10.1038/s41591-020-1034-x) crossed with
the indicators of the RDA FAIR data maturity model (10.15497/rda00050), so that a gap
in one shows in the other. The items are in ``checklist.csv``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from histobridge.evaluation import metrics
from histobridge.report.results import Results

Answer = Callable[[Results, dict[str, str]], Any]


def _systems(results: Results, files: dict[str, str]) -> Any:
    named = {s["system"] for s in results.settings().values() if "system" in s}
    scores = results.scores()
    if len(scores):
        named |= set(scores.loc[scores["status"] != "bound", "system"])
    return sorted(named) or None


def _datasets(results: Results, files: dict[str, str]) -> Any:
    scores = results.scores()
    named = set(scores["dataset"]) if len(scores) else set()
    return sorted(named | set(results.held_out) | set(results.objects))


def _splits(results: Results, files: dict[str, str]) -> Any:
    found = {}
    for name, benchmark in results.benchmarks.items():
        parts = benchmark.table.groupby("protocol", sort=False)["fold"]
        found[name] = {str(p): sorted(set(folds)) for p, folds in parts}
    for name, held in results.held_out.items():
        found[name] = {held.settings["splitter"]: held.settings["folds"]}
    return found or None


def _external(results: Results, files: dict[str, str]) -> Any:
    scores = results.scores()
    if scores.empty or not (scores["task"] == "translation").any():
        return None
    return bool((scores["protocol"] == "patients").any())


def _audit(results: Results, files: dict[str, str]) -> Any:
    audited = any(len(b.audit) for b in results.benchmarks.values())
    if not audited and not results.held_out:
        return None
    rows = results.leaks()
    flags = {
        status: sorted(set(rows.loc[rows["status"] == status, "flag"]))
        for status in ("leak", "unknown")
    }
    return {"splits": results.leaky_splits(), "flags": flags}


def _seeds(results: Results, files: dict[str, str]) -> Any:
    return {
        name: settings[key]
        for name, settings in results.settings().items()
        for key in ("seed", "seeds")
        if key in settings
    } or None


def _metrics(results: Results, files: dict[str, str]) -> Any:
    tasks = {b.task for b in results.benchmarks.values()}
    tasks |= {"translation"} if results.held_out else set()
    rows = metrics.list_metrics()
    used = set(results.scores().get("metric", [])) or {"pearson_gene"}
    rows = rows[rows["task"].isin(tasks) & rows["name"].isin(used)]
    return dict(zip(rows["name"], rows["definition"], strict=True)) or None


def _cost(results: Results, files: dict[str, str]) -> Any:
    cost = results.cost()
    if cost.empty:
        return None
    total = {n: float(f"{cost[n].sum():.4g}") for n in ("wall_s", "energy_kwh")}
    return total | {n: sorted(set(cost[n])) for n in ("measured", "estimated")}


def _weights(results: Results, files: dict[str, str]) -> Any:
    named = {
        name: settings["weights_sha256"]
        for name, settings in results.settings().items()
        if "weights_sha256" in settings
    }
    return named or None


def _trained_on(results: Results, files: dict[str, str]) -> Any:
    return {
        name: settings["trained_on"]
        for name, settings in results.settings().items()
        if "trained_on" in settings
    } or None


FILLED: dict[str, Answer] = {
    "title": lambda r, f: r.title,
    "data": _datasets,
    "systems": _systems,
    "settings": lambda r, f: r.settings(),
    "versions": lambda r, f: r.versions,
    "weights": _weights,
    "training_spots": _trained_on,
    "splits": _splits,
    "external_validation": _external,
    "leak_audit": _audit,
    "seeds": _seeds,
    "metrics": _metrics,
    "output": lambda r, f: f,
    "compute": _cost,
}
"""Item -> what the run knows of it, or ``None``; all other items are open."""


def checklist(results: Results, files: dict[str, str]) -> list[dict[str, Any]]:
    """Every item with its evidence; ``status`` is ``auto`` or ``open``.

    Parameters
    ----------
    files
        Name -> SHA-256 of what lies beside the checklist.
    """
    items = pd.read_csv(Path(__file__).with_name("checklist.csv"))
    rows = []
    for item in items.to_dict("records"):
        fill = FILLED.get(item["id"])
        value = fill(results, files) if fill else None
        rows.append(
            {
                "id": item["id"],
                "item": item["item"],
                "guideline": item["guideline"],
                "fair": item["fair"].split(),
                "status": "open" if value is None else "auto",
                "evidence": value,
            }
        )
    return rows


def to_yaml(results: Results, rows: Iterable[dict[str, Any]]) -> str:
    """YAML text: JSON on each line, which YAML reads as it is."""
    rows = list(rows)
    head = {
        "title": results.title,
        "date": results.date,
        "framework": "CALIFRAME: CONSORT-AI x RDA FAIR data maturity model",
        "open": [row["id"] for row in rows if row["status"] == "open"],
    }
    lines = [f"{key}: {_scalar(value)}" for key, value in head.items()]
    lines.append("items:")
    for row in rows:
        for place, (key, value) in enumerate(row.items()):
            lines.append(f"{'  - ' if place == 0 else '    '}{key}: {_scalar(value)}")
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    return json.dumps(value, default=str)
