"""Benchmarks beside their baselines, and what their splits leak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge.contract import ContractError
from histobridge.plotting.style import FAINT, STATUS_COLOURS, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAK_COLOURS = {"clean": "#009E73", "leak": "#D55E00", "unknown": "#DDDDDD"}
_ABOVE: dict[str, Any] = {
    "textcoords": "offset points",
    "ha": "center",
    "va": "bottom",
    "fontsize": 7,
}
# The catalogue of metrics lies above this package; a test compares the two.
LESS_IS_BETTER = (
    "nb_deviance",
    "chaos",
    "pas",
    "rmse_spot",
    "rmse_type",
    "jsd_spot",
    "jsd_type",
    "aggregation_error",
)


def plot_benchmark(
    benchmark: Any, metric: str | None = None, *, fold: str = "all"
) -> Figure:
    """Score and interval of every system, one panel per protocol.

    Parameters
    ----------
    benchmark
        A ``Benchmark``, or its ``table``.
    metric
        Which metric, by default the main one of a ``Benchmark``.
    fold
        Which fold, by default the mean over all of them.

    Raises
    ------
    ContractError
        When the table has no such metric or fold.
    """
    table = getattr(benchmark, "table", benchmark)
    metrics = list(dict.fromkeys(table["metric"]))
    metric = metric or next(iter(getattr(benchmark, "headline", metrics)), None)
    rows = table[table["metric"] == metric]
    if rows.empty:
        raise ContractError("a metric of the table", repr(metric), metrics)
    folds = list(dict.fromkeys(rows["fold"]))
    rows = rows[rows["fold"] == fold]
    if rows.empty:
        raise ContractError("a fold of the table", repr(fold), folds)
    panels = list(rows.groupby("protocol", sort=False))
    most = max(len(panel) for _, panel in panels)
    figure = new_figure(4.6 * len(panels) + 0.6, 0.32 * most + 1.2)
    grid = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, (protocol, panel) in zip(grid, panels, strict=True):
        _draw_scores(axes, panel, str(metric))
        title = f"{metric}, protocol: {protocol}"
        axes.set_title(title, fontsize=10, parse_math=False)
    _explain(grid[-1], rows["status"])
    return figure


def plot_leakage(audit: Any) -> Figure:
    """What every split leaks, as a table of colours.

    Parameters
    ----------
    audit
        A table with ``split``, ``flag``, ``leak`` and ``status`` as
        ``hb.evaluation.audit`` returns it, one with a row per split (the ``audit``
        of a ``Benchmark``), or an object with such a table as ``audit``.

    Raises
    ------
    ContractError
        When it is neither.
    """
    table = getattr(audit, "audit", audit)
    flags = _flags(table) if isinstance(table, pd.DataFrame) else None
    if flags is None or flags.empty:
        raise ContractError(
            "an audit of splits (columns split, leak, status; or split, leaks)",
            type(audit).__name__ if flags is None else "no split",
            getattr(table, "columns", ()),
        )
    leaks = list(dict.fromkeys(flags["leak"]))
    splits = list(dict.fromkeys(flags["split"]))
    figure = new_figure(0.42 * len(splits) + 5.2, 0.26 * len(leaks) + 1.5)
    axes = figure.subplots()
    for row in flags.itertuples():
        place = (splits.index(row.split), leaks.index(row.leak))
        _tile(axes, place, row.status)
    axes.set(xlim=(-0.5, len(splits) - 0.5), ylim=(len(leaks) - 0.5, -0.5))
    axes.set_yticks(range(len(leaks)), leaks, fontsize=8, parse_math=False)
    axes.set_xticks(
        range(len(splits)), splits, fontsize=8, rotation=90, parse_math=False
    )
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    for status, colour in LEAK_COLOURS.items():
        axes.scatter([], [], color=colour, marker="s", s=40, label=status)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=8)
    return figure


def _flags(table: pd.DataFrame) -> pd.DataFrame | None:
    """A row per split and leak, whichever audit it comes from."""
    if {"split", "leak", "status"} <= set(table.columns):
        named = table["leak"].astype(str)
        if "flag" in table:
            named = table["flag"].astype(str) + "  " + named
        return table.assign(leak=named, split=table["split"].astype(str))
    if not {"split", "leaks"} <= set(table.columns):
        return None
    counted = [c for c in table if c.startswith(("overlapping", "duplicated"))]
    rows = [
        {
            "split": str(row["split"]),
            "leak": column.replace("_", " "),
            "status": "leak" if row[column] > 0 else "clean",
        }
        for _, row in table.iterrows()
        for column in counted
    ]
    return pd.DataFrame(rows, columns=["split", "leak", "status"])


def _tile(axes: Axes, place: tuple[int, int], status: str) -> None:
    from matplotlib.patches import Rectangle

    x, y = place
    colour = LEAK_COLOURS.get(status, LEAK_COLOURS["unknown"])
    axes.add_patch(Rectangle((x - 0.45, y - 0.45), 0.9, 0.9, color=colour, lw=0))
    if status == "leak":
        # Not by colour alone.
        axes.text(x, y, "!", ha="center", va="center", color="white", weight="bold")


def _draw_scores(axes: Axes, panel: pd.DataFrame, metric: str) -> None:
    less = metric in LESS_IS_BETTER
    panel = panel.sort_values("value", ascending=not less)
    place = np.arange(len(panel))
    colours = [STATUS_COLOURS.get(s, "#888888") for s in panel["status"]]
    axes.hlines(place, panel["lower"], panel["upper"], color=colours, lw=2)
    axes.scatter(panel["value"], place, color=colours, s=36, zorder=3)
    for y, value in zip(place, panel["value"], strict=True):
        if np.isfinite(value):
            axes.annotate(f"{value:z.2f}", (value, y), (0, 5), **_ABOVE)
    axes.axvline(0, color=FAINT, lw=0.8, zorder=0)
    axes.set_yticks(place, panel["system"], parse_math=False)
    axes.set_xlabel("less is better" if less else "", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.12)


def _explain(axes: Axes, status: pd.Series) -> None:
    for name in dict.fromkeys(status):
        colour = STATUS_COLOURS.get(name, "#888888")
        axes.scatter([], [], color=colour, s=30, label=name)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
