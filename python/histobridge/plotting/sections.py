"""Several sections in one frame, before and after they were aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract
from histobridge.contract import ContractError
from histobridge.graphs import pitch
from histobridge.plotting.panels import (
    SHARE_OF_PITCH,
    draw_discs,
    is_numeric,
    level_colours,
    levels_of,
)
from histobridge.plotting.style import legend, new_figure
from histobridge.plotting.values import values_of

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_sections(
    adata: AnnData, key: str = "aligned", colour: str | None = None
) -> Figure:
    """Sections laid over one another: as they were, and by ``obsm[key]``.

    Reads ``obsm[key]`` as :func:`align_sections` writes it. On the left every
    section lies around its own centre; on the right they share one frame.

    Parameters
    ----------
    colour
        Column of labels; the section by default.

    Raises
    ------
    ContractError
        When there are no aligned positions, or the column is absent or numeric.
    """
    if key not in adata.obsm:
        raise ContractError(
            f"aligned positions in obsm[{key!r}] (align_sections makes them)",
            "none",
            adata.obsm.keys(),
        )
    labels = contract.section_names(adata)
    if colour is not None:
        labels = values_of(adata, colour)[0]
        if is_numeric(labels):
            raise ContractError("a column of labels", f"numbers in {colour!r}")
    aligned = np.asarray(adata.obsm[key], dtype=float)[:, :2]
    scale = _scales(adata, aligned)
    centred = _centred(adata, contract.coordinates(adata)) * scale[:, None]
    figure = new_figure(8.2, 3.8)
    left, right = figure.subplots(1, 2)
    _draw(left, centred, labels, "before")
    _draw(right, aligned, labels, key)
    legend(right, levels_of(labels))
    return figure


def _draw(axes: Axes, points: np.ndarray, labels: pd.Series, title: str) -> None:
    there = np.isfinite(points).all(axis=1)
    points, labels = points[there], labels[there]
    colours = level_colours(labels, levels_of(labels))
    size = pitch(points) if len(points) < 3 else _within_pitch(points)
    draw_discs(axes, points, size * SHARE_OF_PITCH, facecolors=colours, alpha=0.6)
    low, high = points.min(axis=0) - size, points.max(axis=0) + size
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=10, parse_math=False)
    axes.spines[:].set_visible(False)


def _within_pitch(points: np.ndarray) -> float:
    """A size of spots that does not shrink where sections lie over one another."""
    area = float(np.prod(np.ptp(points, axis=0)))
    return max(pitch(points), np.sqrt(area / len(points)))


def _centred(adata: AnnData, points: np.ndarray) -> np.ndarray:
    centred = points.astype(float, copy=True)
    for spots in contract.sections(adata).values():
        centred[spots] -= centred[spots].mean(axis=0)
    return centred


def _scales(adata: AnnData, aligned: np.ndarray) -> np.ndarray:
    """Units of the aligned frame per pixel, by spot."""
    points = contract.coordinates(adata)
    scale = np.ones(len(points))
    for spots in contract.sections(adata).values():
        scale[spots] = pitch(aligned[spots]) / pitch(points[spots])
    return scale
