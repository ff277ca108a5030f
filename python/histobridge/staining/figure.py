"""A picture of a cross-check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge.contract import ContractError
from histobridge.plotting import new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PASSED, FAILED = "#0072B2", "#999999"


def plot_cross_check(table: pd.DataFrame, rate: float = 0.05) -> Figure:
    """Correlation and interval of every gene, a panel per section.

    Parameters
    ----------
    table
        From ``cross_check``.
    rate
        Genes below this false discovery rate are blue, others grey.

    Raises
    ------
    ContractError
        When the table is no cross-check.
    """
    needed = {"section", "gene", "correlation", "lower", "upper", "fdr", "channel"}
    if not needed <= set(table):
        raise ContractError("a table of cross_check", f"columns {list(table)}")
    panels = list(table.groupby("section", sort=False))
    most = max(len(panel) for _, panel in panels)
    figure = new_figure(3.2 * len(panels) + 0.8, 0.3 * most + 1.0)
    grid = figure.subplots(1, len(panels), squeeze=False, sharex=True)[0]
    for axes, (section, panel) in zip(grid, panels, strict=True):
        panel = panel.iloc[::-1]
        place = np.arange(len(panel))
        colours = np.where(panel["fdr"] < rate, PASSED, FAILED)
        axes.hlines(place, panel["lower"], panel["upper"], color=colours, lw=2)
        axes.scatter(panel["correlation"], place, color=colours, s=36, zorder=3)
        axes.axvline(0, color="#BBBBBB", lw=0.8, zorder=0)
        axes.set_yticks(place, panel["gene"], parse_math=False)
        title = f"{panel['channel'].iloc[0]}, {section}"
        axes.set_title(title, fontsize=10, parse_math=False)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
