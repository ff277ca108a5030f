"""Spots over tissue: any value, a prediction beside the measurement, domains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.plotting.panels import (
    Legend,
    Panel,
    chosen_sections,
    draw_panels,
    levels_of,
)
from histobridge.plotting.values import expression, frame_of, values_of

if TYPE_CHECKING:
    from anndata import AnnData
    from matplotlib.figure import Figure

SPREAD = 2.5
"""Standard deviations from the mean at which the colours of a pair end."""


def plot_spots(
    adata: AnnData,
    colour: str | None = None,
    *,
    source: str | None = None,
    sections: str | Sequence[str] | None = None,
    image: bool = True,
) -> Figure:
    """Spots of every section over its H&E, coloured by a column or a gene.

    Reads ``obsm["spatial"]``, the images of ``uns["spatial"]`` and what is drawn;
    writes nothing.

    Parameters
    ----------
    colour
        Column of ``obs`` or, where there is none, a gene (log1p counts per
        10,000); ``None`` draws the image alone.
    source
        Layer, or data frame of ``obsm`` such as ``"predicted"``, to read instead.
    sections
        Which sections, all by default.
    image
        Whether the H&E is drawn.

    Returns
    -------
    Figure with one panel per section.

    Raises
    ------
    ContractError
        When a section, column or gene is absent, naming what there is.

    Examples
    --------
    >>> import histobridge as hb
    >>> figure = hb.plot_spots(hb.data.example_bulb(), "layer")
    >>> [axes.get_title() for axes in figure.axes]
    ['Rep4', 'Rep9']
    """
    parts, names = contract.sections(adata), chosen_sections(adata, sections)
    if colour is None:
        return draw_panels(adata, [Panel(n, n) for n in names], image=image)
    values, unit = values_of(adata, colour, source)
    panels = [Panel(n, n, values.iloc[parts[n]]) for n in names]
    label = f"{colour} ({unit})" if unit else colour
    return draw_panels(adata, panels, image=image, label=label)


def plot_expression_pair(
    adata: AnnData,
    gene: str,
    section: str | None = None,
    *,
    key: str = keys.PREDICTED,
) -> Figure:
    """H&E, measured and predicted expression of one gene, side by side.

    Both are drawn in standard deviations from their mean over the section, since
    predictions vary less than measurements do. Predictions are those of
    ``obsm[key]``, as :func:`predict_expression` writes them.

    Raises
    ------
    ContractError
        When the gene was not predicted or not measured, or the section is absent.
    """
    section = chosen_sections(adata, section)[0]
    spots = contract.sections(adata)[section]
    frame = frame_of(adata, key, "a prediction")
    if gene not in frame:
        raise ContractError(
            f"gene {gene!r} in the prediction obsm[{key!r}]",
            "no such column",
            frame.columns,
        )
    measured = expression(adata, [gene], spots)[gene]
    predicted = frame[gene].iloc[spots]
    panels = [
        Panel(section, f"{section}: H&E"),
        Panel(section, f"{gene} measured", _standardised(measured)),
        Panel(
            section,
            f"{gene} predicted (r = {correlation(measured, predicted):.2f})",
            _standardised(predicted),
        ),
    ]
    limits = (-SPREAD, SPREAD)
    return draw_panels(adata, panels, label="SD from the mean", limits=limits)


def plot_domains(
    adata: AnnData,
    key: str = keys.DOMAIN,
    truth: str | None = None,
    *,
    sections: str | Sequence[str] | None = None,
) -> Figure:
    """Domains ``obs[key]`` of every section, beside the labels ``obs[truth]``.

    Raises
    ------
    ContractError
        When a column or section is absent.
    """
    parts = contract.sections(adata)
    shown = [column for column in (truth, key) if column is not None]
    labels = {c: contract.obs_column(adata, c, "labels") for c in shown}
    if len(shown) == 1:
        values = labels[key].astype("category")
        names = chosen_sections(adata, sections)
        panels = [Panel(n, f"{n}: {key}", values.iloc[parts[n]]) for n in names]
        return draw_panels(adata, panels)
    # Labels and domains share one legend, in which no two have one colour.
    together, entries = _together(labels)
    panels = [
        Panel(name, f"{name}: {column}", together[column].iloc[parts[name]])
        for name in chosen_sections(adata, sections)
        for column in shown
    ]
    return draw_panels(adata, panels, entries=entries)


def correlation(measured: pd.Series, predicted: pd.Series) -> float:
    """Pearson over the spots that have both; NaN where one is constant."""
    both = np.isfinite(measured.to_numpy()) & np.isfinite(predicted.to_numpy())
    x, y = measured.to_numpy()[both], predicted.to_numpy()[both]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _standardised(values: pd.Series) -> pd.Series:
    spread = values.std(ddof=0)
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def _together(labels: dict[str, pd.Series]) -> tuple[dict[str, pd.Series], Legend]:
    """Labels as places in one legend, which names the column above its levels."""
    texts: list[str] = []
    headings, first = {}, {}
    for name, column in labels.items():
        headings[len(texts)] = name
        first[name] = len(texts)
        texts += [str(level) for level in levels_of(column)]
    kind = pd.CategoricalDtype(range(len(texts)))
    places = {}
    for name, column in labels.items():
        codes = column.astype("category").cat.codes.astype(float)
        places[name] = (codes + first[name]).where(codes >= 0).astype(kind)
    return places, Legend(texts, headings)
