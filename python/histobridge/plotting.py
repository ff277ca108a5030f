"""Pictures of sections, predictions, domains, proportions and benchmarks.

Every function returns a matplotlib figure and touches no global state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.graphs import pitch
from histobridge.images import open_slide
from histobridge.normalisation import log_normalise

if TYPE_CHECKING:
    from anndata import AnnData
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
STATUS_COLOURS = {"house": "#0072B2", "published": "#009E73", "bound": "#D55E00"}


def new_figure(width: float, height: float) -> Figure:
    """Figure that belongs to nobody's global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", dpi=100)


def draw_section(
    adata: AnnData,
    section: str,
    axes: Axes,
    colours: Sequence | np.ndarray | None = None,
    *,
    title: str = "",
    image: bool = True,
    cmap: str = "viridis",
):
    """Draw the spots of one section over its H&E.

    Parameters
    ----------
    colours
        (n_spots of the section,) numbers or colour names; ``None`` draws the image
        alone.
    """
    spots = contract.sections(adata)[section]
    points = contract.coordinates(adata)[spots]
    scale = 1.0
    if image and adata.uns.get(keys.SPATIAL, {}).get(section, {}).get(keys.IMAGES):
        # Only pixel geometry is needed, so unknown microns must not stop a picture.
        slide = open_slide(adata, section, microns=1.0)
        picture, scale = slide.thumbnail(700), slide.pixel_scale
        extent = (-0.5, slide.width - 0.5, slide.height - 0.5, -0.5)
        axes.imshow(picture, extent=extent, alpha=1.0 if colours is None else 0.45)
    points = points * scale
    margin = 2 * pitch(points)
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), xticks=[], yticks=[])
    axes.set_aspect("equal")
    axes.set_title(title, fontsize=10, parse_math=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if colours is None:
        return None
    inches = axes.get_position().width * axes.figure.get_figwidth()
    across = max(1.0, (high[0] - low[0]) / pitch(points))
    size = (inches * 72 / across * 0.72) ** 2
    if isinstance(colours, np.ndarray):
        return axes.scatter(*points.T, c=colours, s=size, cmap=cmap, linewidths=0)
    return axes.scatter(*points.T, c=colours, s=size, linewidths=0)


def plot_expression_pair(
    adata: AnnData,
    gene: str,
    section: str | None = None,
    *,
    key: str = keys.PREDICTED,
) -> Figure:
    """H&E, measured and predicted expression of one gene, side by side.

    Raises
    ------
    ContractError
        When the gene was not predicted or not measured.
    """
    section = section or next(iter(contract.sections(adata)))
    if key not in adata.obsm or gene not in adata.obsm[key].columns:
        raise ContractError(
            f"gene {gene!r} in the prediction obsm[{key!r}]",
            "no such column",
            adata.obsm[key].columns if key in adata.obsm else adata.obsm.keys(),
        )
    spots = contract.sections(adata)[section]
    counts = contract.counts(adata)[spots]
    column = adata.var_names.get_indexer([gene])
    measured = log_normalise(counts)[:, column].toarray()[:, 0]
    predicted = adata.obsm[key][gene].to_numpy()[spots]
    r = np.corrcoef(measured, predicted)[0, 1]
    figure = new_figure(9, 3.4)
    left, middle, right = figure.subplots(1, 3)
    draw_section(adata, section, left, title=f"{section}: H&E")
    draw_section(adata, section, middle, measured, title=f"{gene} measured")
    title = f"{gene} predicted (r = {r:.2f})"
    draw_section(adata, section, right, predicted, title=title)
    return figure


def plot_domains(
    adata: AnnData, key: str = keys.DOMAIN, truth: str | None = None
) -> Figure:
    """Domains of every section, beside labels where ``truth`` names a column.

    Raises
    ------
    ContractError
        When a column is absent.
    """
    shown = [c for c in (truth, key) if c is not None]
    for column in shown:
        contract.obs_column(adata, column, "labels")
    parts = contract.sections(adata)
    figure = new_figure(3.3 * len(parts) * len(shown) + 1.2, 3.4)
    axes = figure.subplots(1, len(parts) * len(shown), squeeze=False)[0]
    for i, column in enumerate(shown):
        values = adata.obs[column].astype("category")
        levels = list(values.cat.categories)
        for j, (section, spots) in enumerate(parts.items()):
            where = axes[j * len(shown) + i]
            codes = values.cat.codes.to_numpy()[spots]
            colours = [MISSING if c < 0 else PALETTE[c % len(PALETTE)] for c in codes]
            draw_section(adata, section, where, colours, title=f"{section}: {column}")
        legend(axes[(len(parts) - 1) * len(shown) + i], levels)
    return figure


def plot_proportions(
    adata: AnnData, key: str = keys.PROPORTIONS, section: str | None = None
) -> Figure:
    """Proportion of every cell type over one section, one panel per type.

    Raises
    ------
    ContractError
        When there are no proportions.
    """
    if key not in adata.obsm or not isinstance(adata.obsm[key], pd.DataFrame):
        raise ContractError(f"proportions in obsm[{key!r}]", "none", adata.obsm.keys())
    section = section or next(iter(contract.sections(adata)))
    spots = contract.sections(adata)[section]
    frame = adata.obsm[key].iloc[spots]
    columns = min(6, frame.shape[1])
    rows = -(-frame.shape[1] // columns)
    points = contract.coordinates(adata)[spots]
    ratio = np.ptp(points[:, 1]) / max(np.ptp(points[:, 0]), 1e-9)
    figure = new_figure(1.7 * columns, min(1.7 * ratio + 0.3, 4) * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for where, name in zip(axes, frame.columns, strict=False):
        draw_section(adata, section, where, frame[name].to_numpy(), title=str(name))
    for where in axes[frame.shape[1] :]:
        where.set_visible(False)
    return figure


def plot_benchmark(table: pd.DataFrame, metric: str, *, fold: str = "all") -> Figure:
    """Score and interval of every system, one panel per protocol.

    Parameters
    ----------
    table
        ``Benchmark.table``.
    metric
        Which metric.

    Raises
    ------
    ContractError
        When the table has no such metric.
    """
    rows = table[(table["metric"] == metric) & (table["fold"] == fold)]
    if rows.empty:
        raise ContractError("a metric of the table", repr(metric), set(table["metric"]))
    panels = list(rows.groupby("protocol", sort=False))
    most = max(len(panel) for _, panel in panels)
    figure = new_figure(4.6 * len(panels) + 0.6, 0.32 * most + 1.0)
    for axes, (protocol, panel) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        panel = panel.sort_values("value")
        place = np.arange(len(panel))
        colours = [STATUS_COLOURS.get(s, "#888888") for s in panel["status"]]
        axes.hlines(place, panel["lower"], panel["upper"], color=colours, lw=2)
        axes.scatter(panel["value"], place, color=colours, s=36, zorder=3)
        for y, value in zip(place, panel["value"], strict=True):
            axes.annotate(f"{value:.2f}", (value, y), (0, 5), **ABOVE)
        axes.axvline(0, color="#BBBBBB", lw=0.8, zorder=0)
        axes.set_yticks(place, panel["system"], parse_math=False)
        title = f"{metric}, protocol: {protocol}"
        axes.set_title(title, fontsize=10, parse_math=False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(y=0.12)
    return figure


ABOVE = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 7}


def legend(axes: Axes, levels: Sequence[str]) -> None:
    """List the levels of a categorical drawing outside its right edge."""
    for i, level in enumerate(levels):
        axes.scatter([], [], color=PALETTE[i % len(PALETTE)], label=str(level), s=30)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
