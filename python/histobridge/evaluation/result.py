"""The table every benchmark returns."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from histobridge import __version__
from histobridge.evaluation.metrics import LESS_IS_BETTER

COLUMNS = (
    "dataset",
    "system",
    "status",
    "protocol",
    "fold",
    "metric",
    "value",
    "lower",
    "upper",
    "n",
    "seconds",
    "peak_mb",
    "version",
    "date",
)
ALL = "all"
"""Name of the row that averages the folds."""


@dataclass
class Benchmark:
    """Scores of systems beside baselines.

    Attributes
    ----------
    task
        ``translation``, ``domains``, ``deconvolution`` or ``resolution``.
    table
        One row per system, protocol, fold and metric; ``lower`` and ``upper`` bound
        a 95 % bootstrap interval.
    audit
        One row per split with what it could leak; empty where nothing is split.
    headline
        Metric of :meth:`summary`.
    settings
        What was asked for.
    runs
        One row per job and metric, as :func:`benchmark` returns them, with costs.
    """

    task: str
    table: pd.DataFrame
    audit: pd.DataFrame
    headline: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    runs: pd.DataFrame = field(default_factory=pd.DataFrame)

    def summary(self) -> pd.DataFrame:
        """Headline metrics: a row per protocol and system, best first."""
        table = self.table
        mean = table[(table["fold"] == ALL) & table["metric"].isin(self.headline)]
        wide = mean.pivot_table(
            index=["dataset", "protocol", "system", "status"],
            columns="metric",
            values="value",
            sort=False,
        )
        first = [m for m in self.headline if m in wide.columns]
        bounds = mean[mean["metric"] == first[0]].set_index(wide.index.names)
        wide = wide[first].rename_axis(columns=None)
        # The bounds belong to the first metric and stand beside it.
        wide.insert(1, "lower", bounds["lower"].reindex(wide.index))
        wide.insert(2, "upper", bounds["upper"].reindex(wide.index))
        better = LESS_IS_BETTER.isdisjoint(first[:1])
        wide = wide.reset_index()
        order = wide.groupby(["dataset", "protocol"], sort=False)[first[0]].rank(
            ascending=not better, method="first"
        )
        place = wide.groupby(["dataset", "protocol"], sort=False).ngroup()
        return wide.iloc[np.lexsort((order, place))].reset_index(drop=True)

    def to_csv(self, path: str | Path) -> None:
        """Write the table; folders are made."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def tidy(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table in the one column order, version and date filled in."""
    today = datetime.date.today().isoformat()
    filled = [{"version": __version__, "date": today, **row} for row in rows]
    return pd.DataFrame(filled, columns=list(COLUMNS))


def block_weights(
    blocks: np.ndarray, replicates: int, rng: np.random.Generator
) -> np.ndarray:
    """How often each spot is drawn when blocks are resampled, (replicates, n)."""
    present, code = np.unique(blocks, return_inverse=True)
    count = len(present)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=replicates)
    return drawn[:, code].astype(float)


def interval(replicates: np.ndarray, value: float) -> tuple[float, float]:
    """95 % percentile interval, shifted so that replicates centre on ``value``.

    Resampling few blocks repeats some and drops others, which pulls correlations
    down; the shift takes that bias out (Efron 1987, JASA 82:171).
    """
    if replicates.size == 0:
        return float("nan"), float("nan")
    low, high = np.percentile(replicates, [2.5, 97.5])
    bias = float(replicates.mean()) - value
    return float(low - bias), float(high - bias)
