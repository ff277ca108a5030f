"""Figures of a report beyond those of :mod:`histobridge.plotting`.

Names are drawn with ``parse_math=False``: a gene may be called anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge.graphs import pitch
from histobridge.plotting import PALETTE, new_figure
from histobridge.plotting.panels import (
    SHARE_OF_PITCH,
    Ground,
    draw_ground,
    draw_values,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLAIN: dict[str, Any] = {"parse_math": False}
BINS = 6


def strips(frame: pd.DataFrame, value: str, by: str, label: str) -> Figure:
    """One point per row, one strip per group, the median as a line.

    Parameters
    ----------
    value, by
        Columns of the score and of the group.
    label
        Of the score's axis.
    """
    groups = list(frame.groupby(by, sort=False))
    figure = new_figure(8, 0.5 * len(groups) + 1.1)
    axes = figure.subplots()
    rng = np.random.default_rng(0)
    for place, (_, part) in enumerate(groups):
        values = part[value].to_numpy(dtype=float)
        colour = PALETTE[place % len(PALETTE)]
        jitter = rng.uniform(-0.3, 0.3, len(values))
        axes.scatter(values, place + jitter, s=9, color=colour, alpha=0.6, lw=0)
        middle = np.nanmedian(values)
        axes.vlines(middle, place - 0.38, place + 0.38, color="#222222", lw=1.6)
    axes.axvline(0, color="#BBBBBB", lw=0.8, zorder=0)
    axes.set_yticks(range(len(groups)), [str(name) for name, _ in groups], **PLAIN)
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def distance_curve(spots: pd.DataFrame) -> Figure | None:
    """Skill against the training mean by distance to the nearest training spot.

    ``None`` where no section has both training and test spots.
    """
    near = spots[np.isfinite(spots["distance_microns"])]
    if near.empty:
        return None
    distance = near["distance_microns"].to_numpy()
    edges = np.unique(np.quantile(distance, np.linspace(0, 1, BINS + 1)))
    group = np.clip(np.searchsorted(edges, distance, side="right") - 1, 0, None)
    group = np.minimum(group, max(len(edges) - 2, 0))
    parts = near.assign(group=group).groupby("group")
    sums = parts[["error", "baseline"]].sum()
    middle, count = parts["distance_microns"].median(), parts.size()
    skill = 1 - sums["error"] / sums["baseline"]
    figure = new_figure(6, 3)
    axes = figure.subplots()
    axes.plot(middle, skill, marker="o", color=PALETTE[0])
    for x, y, n in zip(middle, skill, count, strict=True):
        axes.annotate(f"{n}", (x, y), (0, 6), textcoords="offset points", fontsize=7)
    axes.axhline(0, color="#BBBBBB", lw=0.8)
    axes.set(xlabel="microns to the nearest training spot", ylabel="skill")
    axes.margins(y=0.2)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def maps(frame: pd.DataFrame) -> Figure:
    """Measured and predicted maps of the best, the median and the worst gene."""
    genes = list(frame.groupby("rank", sort=False))
    figure = new_figure(3 * len(genes), 5.4)
    grid = figure.subplots(2, len(genes), squeeze=False)
    for column, (rank, part) in enumerate(genes):
        gene = part["gene"].iloc[0]
        r = np.corrcoef(part["measured"], part["predicted"])[0, 1]
        r = 0.0 if np.isnan(r) else r
        for line, kind in enumerate(("measured", "predicted")):
            title = f"{gene} ({rank})" if line == 0 else f"predicted, r = {r:.2f}"
            _map(grid[line, column], part, kind, title)
    return figure


def _map(axes: Axes, part: pd.DataFrame, kind: str, title: str) -> None:
    points = part[["x", "y"]].to_numpy(dtype=float)
    step = pitch(points)
    low, high = points.min(axis=0) - step, points.max(axis=0) + step
    under = Ground(points, step * SHARE_OF_PITCH, low, high)
    draw_ground(axes, under, title)
    draw_values(axes, under, part[kind])
