"""Panels: spots of one section over its H&E, at the place where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.graphs import pitch
from histobridge.images import open_slide
from histobridge.images.overview import overview
from histobridge.plotting.style import (
    CONTINUOUS,
    MISSING,
    legend,
    new_figure,
    palette,
)

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS_ACROSS = 6
IMAGE_PIXELS = 1000
# Where the diameter of a spot is not stored, discs leave a gap between them.
SHARE_OF_PITCH = 0.72


@dataclass
class Panel:
    """One drawing of one section.

    ``values`` has an entry per spot of the section: numbers, or a categorical;
    ``None`` draws the image alone.
    """

    section: str
    title: str
    values: pd.Series | None = None


@dataclass
class Legend:
    """Texts of the levels of a drawing, and headings above some of them."""

    texts: Sequence[str]
    headings: Mapping[int, str]


@dataclass
class Ground:
    """What lies under a panel, in full-resolution pixels.

    ``points`` (n, 2), ``diameter`` of a spot, ``low`` and ``high`` corners, and the
    image with its extent where there is one.
    """

    points: np.ndarray
    diameter: float
    low: np.ndarray
    high: np.ndarray
    image: np.ndarray | None = None
    extent: tuple[float, float, float, float] | None = None


def chosen_sections(adata: AnnData, sections: str | Sequence[str] | None) -> list[str]:
    """Names of the sections to draw, all by default.

    Raises
    ------
    ContractError
        When there is no such section.
    """
    there = contract.sections(adata)
    if sections is None:
        return list(there)
    wanted = [sections] if isinstance(sections, str) else list(sections)
    unknown = [name for name in wanted if name not in there]
    if unknown or not wanted:
        raise ContractError("sections of the object", f"{unknown or 'none'}", there)
    return wanted


def ground(
    adata: AnnData, section: str, image: bool = True, pixels: int = IMAGE_PIXELS
) -> Ground:
    """Geometry of one section, and its image with at most ``pixels`` a side."""
    points = contract.coordinates(adata)[contract.sections(adata)[section]]
    library = adata.uns.get(keys.SPATIAL, {}).get(section, {})
    step = pitch(points)
    diameter = library.get(keys.SCALE_FACTORS, {}).get(keys.SPOT_DIAMETER, 0)
    if not 0 < diameter <= step:
        diameter = step * SHARE_OF_PITCH
    low, high = points.min(axis=0) - step, points.max(axis=0) + step
    found = Ground(points, float(diameter), low, high)
    pictures = library.get(keys.IMAGES) or library.get(keys.IMAGE_METADATA, {}).get(
        keys.SOURCE_IMAGE
    )
    if image and pictures:
        # Only pixel geometry is needed, so unknown microns must not stop a picture.
        slide = open_slide(adata, section, microns=1.0)
        found.image, side = overview(slide, pixels)
        side /= slide.pixel_scale
        height, width = found.image.shape[:2]
        found.extent = (0.0, width * side, height * side, 0.0)
    return found


def draw_panels(
    adata: AnnData,
    panels: Sequence[Panel],
    *,
    image: bool = True,
    label: str = "",
    limits: tuple[float, float] | None = None,
    across: int = PANELS_ACROSS,
    entries: Legend | None = None,
) -> Figure:
    """Draw panels in a grid, with one legend or colour bar for all of them.

    Parameters
    ----------
    label
        Of the colour bar.
    limits
        Of the colours; by default the range of all panels.
    entries
        Of the legend; by default the levels themselves.
    """
    grounds = {p.section: ground(adata, p.section, image) for p in panels}
    figure, axes = panel_grid([grounds[p.section] for p in panels], across)
    numeric = [p.values for p in panels if is_numeric(p.values)]
    if numeric and limits is None:
        limits = _range(numeric)
    levels = next((levels_of(p.values) for p in panels if is_labels(p.values)), None)
    mappable = None
    for where, panel in zip(axes, panels, strict=True):
        under = grounds[panel.section]
        draw_ground(where, under, panel.title, faint=panel.values is not None)
        if panel.values is not None:
            drawn = draw_values(where, under, panel.values, limits, levels)
            mappable = drawn if is_numeric(panel.values) else mappable
    if mappable is not None:
        bar = figure.colorbar(mappable, ax=list(axes), shrink=0.7, aspect=25)
        bar.outline.set_visible(False)
        bar.set_label(label, fontsize=9, parse_math=False)
    elif levels is not None:
        entries = entries or Legend(levels, {})
        last = axes[min(across, len(axes)) - 1]
        legend(last, entries.texts, entries.headings)
    return figure


def panel_grid(grounds: Sequence[Ground], across: int) -> tuple[Figure, list[Axes]]:
    """Figure with one axes per panel, as high as their tissue asks for."""
    columns = min(across, len(grounds))
    rows = -(-len(grounds) // columns)
    sizes = np.array([g.high - g.low for g in grounds])
    ratio = float(np.clip((sizes[:, 1] / sizes[:, 0]).max(), 0.3, 3))
    # Tall tissue gets narrow panels instead of a page that no screen holds.
    width = (3.3 if columns <= 3 else 2.2) / max(1.0, ratio / 1.3)
    figure = new_figure(width * columns + 1.3, (width * ratio + 0.35) * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for where in axes[len(grounds) :]:
        where.set_visible(False)
    return figure, list(axes[: len(grounds)])


def draw_ground(axes: Axes, under: Ground, title: str, faint: bool = True) -> None:
    """Image, frame and title of one panel."""
    if under.image is not None:
        alpha = 0.5 if faint else 1.0
        axes.imshow(under.image, extent=under.extent, alpha=alpha)
    axes.set(xlim=(under.low[0], under.high[0]), ylim=(under.high[1], under.low[1]))
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.set_title(title, fontsize=10, parse_math=False)
    axes.spines[:].set_visible(False)


def draw_discs(axes: Axes, points: np.ndarray, diameter: float, **kwargs: Any) -> Any:
    """Discs of ``diameter`` in units of the data, so that they grow with the axes."""
    from matplotlib.collections import EllipseCollection

    discs = EllipseCollection(
        np.full(len(points), diameter),
        np.full(len(points), diameter),
        np.zeros(len(points)),
        units="xy",
        offsets=points,
        offset_transform=axes.transData,
        linewidths=0,
        **kwargs,
    )
    return axes.add_collection(discs, autolim=False)


def is_numeric(values: pd.Series | None) -> bool:
    """Whether values are drawn by a colour bar."""
    if values is None or isinstance(values.dtype, pd.CategoricalDtype):
        return False
    return pd.api.types.is_numeric_dtype(values) and values.dtype.kind != "b"


def is_labels(values: pd.Series | None) -> bool:
    """Whether values are drawn by a legend."""
    return values is not None and not is_numeric(values)


def levels_of(values: pd.Series) -> list[str]:
    """All levels of labels, those that no spot of a section has as well."""
    return list(values.astype("category").cat.categories)


def level_colours(values: pd.Series, levels: Sequence[Any]) -> list[str]:
    """Colour of every spot by the place of its label among ``levels``."""
    colour = dict(zip(levels, palette(len(levels)), strict=True))
    return [MISSING if pd.isna(v) else colour.get(v, MISSING) for v in values]


def draw_values(
    axes: Axes,
    under: Ground,
    values: pd.Series,
    limits: tuple[float, float] | None = None,
    levels: Sequence[Any] | None = None,
) -> Any:
    """Discs in the colours of their values; numbers from ``limits`` to viridis."""
    if is_labels(values):
        colours = level_colours(values, levels or levels_of(values))
        return draw_discs(axes, under.points, under.diameter, facecolors=colours)
    from matplotlib import colormaps

    shades = colormaps[CONTINUOUS].with_extremes(bad=MISSING)
    numbers = np.ma.masked_invalid(values.to_numpy(dtype=float, na_value=np.nan))
    discs = draw_discs(axes, under.points, under.diameter, cmap=shades)
    discs.set_array(numbers)
    discs.set_clim(limits or _range([values]))
    return discs


def _range(values: Sequence[pd.Series]) -> tuple[float, float]:
    numbers = np.concatenate([v.to_numpy(dtype=float, na_value=np.nan) for v in values])
    finite = numbers[np.isfinite(numbers)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    return float(low), float(high if high > low else low + 1)
