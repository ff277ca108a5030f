"""What jobs found, as tidy rows and as the result of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from histobridge import __version__
from histobridge.evaluation import cost
from histobridge.evaluation.aggregate import Scored, collect
from histobridge.evaluation.problem import Fold, Problem
from histobridge.evaluation.result import Benchmark
from histobridge.splits import audit_split

COLUMNS = (
    "dataset",
    "system",
    "version",
    "fold",
    "seed",
    "metric",
    "value",
    *cost.COLUMNS,
    "config",
)


def tidy_rows(dataset: str, scored: Scored) -> list[dict[str, Any]]:
    """Tidy rows of one job: means over the sections of its fold."""
    parts = scored.record["parts"]
    facts = {
        "dataset": dataset,
        "system": scored.system,
        "version": __version__,
        "fold": scored.fold.name,
        "seed": scored.seed,
        **scored.record["cost"],
        "config": scored.config,
    }
    names = parts[0]["scores"] if parts else {}
    return [
        {
            **facts,
            "metric": name,
            "value": float(np.mean([part["scores"][name] for part in parts])),
        }
        for name in names
    ]


def finish(
    problem: Problem,
    dataset: str,
    scored: list[Scored],
    folds: Sequence[Fold],
    settings: dict[str, Any],
) -> Benchmark:
    """Scores of one data set as a benchmark, with the audit of its splits."""
    audits = [
        {
            "protocol": fold.protocol,
            "fold": fold.name,
            **audit_split(problem.adata, fold.train, fold.test),
            **fold.facts,
        }
        for fold in folds
        if len(fold.train)
    ]
    runs = [row for s in scored if s.config for row in tidy_rows(dataset, s)]
    return Benchmark(
        problem.task,
        collect(scored, dataset, problem.headline[0]),
        pd.DataFrame(audits),
        problem.headline,
        settings,
        pd.DataFrame(runs, columns=list(COLUMNS)),
    )
