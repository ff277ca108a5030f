"""Cell type proportions: one panel per type, pies, or the dominant type."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.plotting.panels import (
    PANELS_ACROSS,
    Panel,
    chosen_sections,
    draw_ground,
    draw_panels,
    ground,
    panel_grid,
)
from histobridge.plotting.style import legend, palette
from histobridge.plotting.values import frame_of

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("panels", "pies", "dominant")


def plot_proportions(
    adata: AnnData,
    key: str = keys.PROPORTIONS,
    section: str | None = None,
    *,
    kind: str = "panels",
) -> Figure:
    """Proportions of cell types over tissue.

    Parameters
    ----------
    key
        ``obsm`` data frame, as :func:`deconvolve` writes it.
    section
        One section; by default all.
    kind
        ``panels``: one panel per type and section; ``pies``: one pie per spot;
        ``dominant``: the type with the largest proportion.

    Raises
    ------
    ContractError
        When there are no proportions, or the kind or section is unknown.

    Examples
    --------
    >>> import histobridge as hb
    >>> figure = hb.plot_proportions(hb.data.example_mixture(), "true_proportions")
    >>> len(figure.axes)  # 12 types and a colour bar
    13
    """
    frame = frame_of(adata, key, "proportions")
    if kind not in KINDS:
        raise ContractError("a kind of drawing", repr(kind), KINDS)
    names = chosen_sections(adata, section)
    if kind == "pies":
        return _pies(adata, frame, names)
    parts = contract.sections(adata)
    if kind == "dominant":
        top = dominant(frame)
        panels = [Panel(n, n, top.iloc[parts[n]]) for n in names]
        return draw_panels(adata, panels)
    panels = [
        Panel(n, _title(n, type_, names), frame[type_].iloc[parts[n]])
        for n in names
        for type_ in frame
    ]
    limits = (0.0, max(float(np.nanmax(frame.to_numpy(), initial=0)), 1e-9))
    return draw_panels(adata, panels, label="proportion", limits=limits)


def dominant(frame: pd.DataFrame) -> pd.Series:
    """Type with the largest proportion; missing where a spot has none."""
    types = list(frame.columns.astype(str))
    known = frame.notna().all(axis=1).to_numpy()
    codes = np.full(len(frame), -1)
    codes[known] = frame.to_numpy()[known].argmax(axis=1)
    return pd.Series(pd.Categorical.from_codes(codes, types), index=frame.index)


def _title(section: str, type_: object, names: Sequence[str]) -> str:
    return str(type_) if len(names) == 1 else f"{section}: {type_}"


def _pies(adata: AnnData, frame: pd.DataFrame, names: Sequence[str]) -> Figure:
    grounds = [ground(adata, name) for name in names]
    figure, axes = panel_grid(grounds, PANELS_ACROSS)
    for where, under, name in zip(axes, grounds, names, strict=True):
        draw_ground(where, under, name)
        spots = contract.sections(adata)[name]
        shares = frame.iloc[spots].to_numpy(dtype=float)
        _draw_pies(where, under.points, under.diameter / 2, shares)
    legend(axes[min(PANELS_ACROSS, len(axes)) - 1], list(frame.columns.astype(str)))
    return figure


def _draw_pies(
    axes: Axes, points: np.ndarray, radius: float, shares: np.ndarray
) -> None:
    """Wedges clockwise from the top, in the order of the types."""
    from matplotlib.collections import PolyCollection

    colours = palette(shares.shape[1])
    wedges, faces = [], []
    for centre, share in zip(points, shares, strict=True):
        total = share.sum()
        if not np.isfinite(total) or total <= 0:
            continue
        ends = np.concatenate([[0.0], np.cumsum(share / total)])
        for i, (start, end) in enumerate(pairwise(ends)):
            if end - start > 1e-3:
                wedges.append(wedge(centre, radius, start, end))
                faces.append(colours[i])
    drawn = PolyCollection(wedges, facecolors=faces, linewidths=0)
    axes.add_collection(drawn, autolim=False)


def wedge(centre: np.ndarray, radius: float, start: float, end: float) -> np.ndarray:
    """Corners (n, 2) of the part of a disc between two shares of a turn."""
    turns = np.linspace(start, end, max(2, int(np.ceil(24 * (end - start))) + 1))
    angle = 2 * np.pi * turns
    # y grows downwards on an image, so minus the cosine starts at the top.
    rim = centre + radius * np.column_stack([np.sin(angle), -np.cos(angle)])
    return np.vstack([centre, rim])
