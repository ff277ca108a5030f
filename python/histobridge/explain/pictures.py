"""Pictures of an explanation; a map that failed its test says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from histobridge.contract import ContractError
from histobridge.plotting import new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from histobridge.explain.result import Explanation

FAILED = "#D55E00"


def plot_saliency(
    explanation: Explanation,
    spots: int | Sequence[str] = 4,
    methods: Sequence[str] | None = None,
) -> Figure:
    """Patches of some spots and the maps of every method beside them.

    Blue speaks against the target, red for it, each map on its own scale. Maps of
    a method that failed its tests are crossed out and titled FAILED; the title also
    says where a map is no better than an edge map.

    Parameters
    ----------
    spots
        Names, or how many: those of the highest prediction.
    methods
        Names; default all that were tried.

    Raises
    ------
    ContractError
        A spot or method that was not explained.
    """
    names = list(explanation.maps) if methods is None else list(methods)
    absent = [name for name in names if name not in explanation.maps]
    if absent or not names:
        raise ContractError("methods that were run", absent, explanation.maps)
    rows = _rows(explanation, spots)
    verdict = explanation.verdict.set_index("method")
    width, height = 1.9 * (len(names) + 1), 1.9 * len(rows) + 0.7
    figure = new_figure(width, height)
    grid = figure.subplots(len(rows), len(names) + 1, squeeze=False)
    for line, row in zip(grid, rows, strict=True):
        line[0].imshow(explanation.patches[row])
        text = f"predicted {explanation.spots['prediction'].iloc[row]:.2f}"
        line[0].set_ylabel(f"{explanation.spots['spot'].iloc[row]}\n{text}", fontsize=7)
        for axes, name in zip(line[1:], names, strict=True):
            _draw(axes, explanation, row, name, not verdict.loc[name, "passes"])
    grid[0, 0].set_title("patch", fontsize=9)
    for axes, name in zip(grid[0, 1:], names, strict=True):
        state = _state(verdict.loc[name])
        colour = FAILED if state else "black"
        axes.set_title(name + state, fontsize=9, color=colour, parse_math=False)
    for axes in grid.ravel():
        axes.set(xticks=[], yticks=[])
    title = f"evidence for {explanation.target}: red for it, blue against it"
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure


def _state(verdict: pd.Series) -> str:
    """Second line of the title of a map."""
    if not verdict["passes"]:
        return "\nFAILED its test"
    return "" if verdict["beats_edges"] else "\nno better than edges"


def _rows(explanation: Explanation, spots: int | Sequence[str]) -> list[int]:
    known = list(explanation.spots["spot"])
    if isinstance(spots, int | np.integer):
        order = np.argsort(-explanation.spots["prediction"].to_numpy(), kind="stable")
        return list(order[: max(1, int(spots))])
    names = [spots] if isinstance(spots, str) else list(spots)
    absent = [name for name in names if name not in known]
    if absent or not names:
        raise ContractError("spots that were explained", absent, known)
    return [known.index(name) for name in names]


def _draw(axes, explanation: Explanation, row: int, name: str, failed: bool) -> None:
    values = explanation.maps[name][row]
    most = float(np.abs(values).max()) or 1.0
    grey = explanation.patches[row].mean(axis=-1)
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255)
    axes.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, alpha=0.6)
    if failed:
        side = len(values) - 1
        axes.plot([0, side], [0, side], color=FAILED, lw=1.5)
        axes.plot([0, side], [side, 0], color=FAILED, lw=1.5)
        for spine in axes.spines.values():
            spine.set_color(FAILED)
