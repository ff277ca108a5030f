"""Colours that the colour-blind can tell apart, and figures of nobody's state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette, then darker and lighter turns of it.
PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#D55E00",
    "#56B4E9",
    "#F0E442",
    "#666666",
    "#004466",
    "#8F6300",
    "#006045",
    "#7F4A67",
    "#853B00",
    "#9FD4F2",
    "#B3AA32",
    "#BBBBBB",
)
MISSING = "#DDDDDD"
CONTINUOUS = "viridis"
STATUS_COLOURS = {"house": "#0072B2", "published": "#009E73", "bound": "#D55E00"}
FAINT = "#BBBBBB"


def new_figure(width: float, height: float) -> Figure:
    """Figure that belongs to nobody's global state; sizes in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=100)


def palette(n: int) -> list[str]:
    """``n`` different colours; beyond the palette they are steps of viridis."""
    if n <= len(PALETTE):
        return list(PALETTE[:n])
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps[CONTINUOUS](i / (n - 1))) for i in range(n)]


def legend(
    axes: Axes, levels: Sequence[str], headings: Mapping[int, str] | None = None
) -> None:
    """List the levels of a categorical drawing outside its right edge.

    ``headings`` are lines of their own, above the level at their place.
    """
    headings = headings or {}
    texts: list[str] = []
    bold: list[int] = []
    for i, (level, colour) in enumerate(zip(levels, palette(len(levels)), strict=True)):
        if i in headings:
            axes.scatter([], [], s=0, label=_plain(headings[i]))
            bold.append(len(texts))
            texts.append(headings[i])
        axes.scatter([], [], color=colour, label=_plain(level), s=30)
        texts.append(str(level))
    columns = -(-len(texts) // 16)
    drawn = axes.legend(
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=8,
        ncols=columns,
    )
    for place, (entry, text) in enumerate(zip(drawn.get_texts(), texts, strict=True)):
        entry.set_text(text)
        entry.set_parse_math(False)
        if place in bold:
            entry.set_fontweight("bold")


def _plain(level: str) -> str:
    # A leading underscore would hide the entry; the text is set afterwards.
    return f"level {level}"
