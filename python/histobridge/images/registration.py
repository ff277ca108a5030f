"""Whether spots lie where their image shows tissue.

A picture of another crop, or an offset left out, moves all spots of a section together.
Spots then lie beside the tissue on one side, and tissue without spots
on the other: how far the spots have to be shifted until both are gone is read off the
image alone, without a single count.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, graphs
from histobridge.images.overview import overview
from histobridge.images.pixels import BACKGROUND
from histobridge.images.slides import Slide, open_slide
from histobridge.images.texture import INK
from histobridge.images.threshold import otsu

if TYPE_CHECKING:
    from anndata import AnnData

PIXEL_MICRONS = 20.0
FARTHEST_MICRONS = 1200.0
"""Shifts up to this are tried in both directions."""

FAINT = 0.02
"""Optical density that is added before the logarithm."""

APART = 5.0
"""Tissue is denser than glass by at least so many times the spread of glass. A picture
without glass falls into pale and dark tissue, which lie closer together."""

SURE = 0.05
"""A section is in doubt where a shift brings this share of its spots onto tissue; real
sections that lie well gain a tenth of it at most (results/registration.csv)."""

ALIKE = 0.01
NEAREST_MICRONS = 100.0


@dataclass(frozen=True)
class Placement:
    """How the spots of a section lie on the tissue of its image.

    Attributes
    ----------
    on_tissue
        Share of spots on tissue, as they lie.
    shift
        (2,) x, y in image pixels that brings spots onto tissue and leaves none beside.
    shifted
        Share of spots on tissue after it.
    in_doubt
        Whether the shift is more than half a spacing and brings a twentieth of the
        spots onto tissue; or no shift brings any onto the image.
    """

    on_tissue: float
    shift: np.ndarray
    shifted: float
    in_doubt: bool


def check_registration(
    adata: AnnData,
    *,
    image_id: str | None = None,
    microns_per_pixel: float | None = None,
) -> pd.DataFrame:
    """Check that the spots of every section lie on the tissue of its image.

    Reads ``obsm["spatial"]`` and the image of every section; writes nothing. Tissue is
    what is denser than glass (Otsu 1979, IEEE Trans Syst Man Cybern 9:62, on the
    logarithm of optical density); of all shifts of the spots, the best has most spots
    on tissue and least tissue right beside them. Counts are not read, so that a section
    to be predicted can be checked and moved like any other.

    Parameters
    ----------
    image_id, microns_per_pixel
        See :func:`add_morphology`.

    Returns
    -------
    One row per ``section``: ``spots``; ``on_tissue``, share of them as they lie;
    ``shift_x`` and ``shift_y``, what to add to ``obsm["spatial"]`` (full-resolution
    pixels), at most 1.2 mm; ``shift_microns``, its length; ``on_tissue_shifted``; and
    ``in_doubt``, whether it is longer than half a spacing of the spots and brings a
    twentieth of them onto tissue, or none can be brought onto the image. Where the
    image shows no glass, all of it is tissue.

    Raises
    ------
    ContractError
        No coordinates, no image, no microns per pixel.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> bulb.obsm["spatial"][:, 0] += 150
    >>> found = hb.check_registration(bulb).set_index("section")
    >>> bool(found.loc["Rep4", "in_doubt"])
    True
    >>> shift = found.loc[bulb.obs["sample_id"], ["shift_x", "shift_y"]]
    >>> bulb.obsm["spatial"] += shift.to_numpy()
    """
    points = contract.coordinates(adata)
    rows = []
    for section, spots in contract.sections(adata).items():
        slide = open_slide(adata, section, image_id, microns_per_pixel or 0.0)
        found = placement(slide, points[spots] * slide.pixel_scale)
        x, y = found.shift / slide.pixel_scale
        rows.append(
            {
                "section": section,
                "spots": len(spots),
                "on_tissue": found.on_tissue,
                "shift_x": x,
                "shift_y": y,
                "shift_microns": np.hypot(*found.shift) * slide.microns_per_pixel,
                "on_tissue_shifted": found.shifted,
                "in_doubt": found.in_doubt,
            }
        )
    return pd.DataFrame(rows)


def warn_of_misplaced(slide: Slide, points: np.ndarray, section: str) -> None:
    """Warn where the spots of a section lie beside the tissue of its image.

    Not of a file that would have to be read whole for it.
    """
    if not slide.is_quick(_overview_pixels(slide)):
        return
    found = placement(slide, points)
    if found.in_doubt:
        x, y = np.round(found.shift * slide.microns_per_pixel)
        warnings.warn(
            f"{1 - found.on_tissue:.0%} of the spots of section {section!r} lie beside "
            f"the tissue of its image; shifted by {x:g} microns in x and {y:g} in y, "
            f"{1 - found.shifted:.0%} would. Are these coordinates those of this "
            "image? (see check_registration / checkRegistration)",
            contract.ContractWarning,
            stacklevel=3,
        )


def placement(slide: Slide, points: np.ndarray) -> Placement:
    """Where ``points`` (n, 2), in pixels of the slide, lie and should lie."""
    tissue, factor = tissue_mask(slide)
    if tissue is None:
        return Placement(1.0, np.zeros(2), 1.0, False)
    side = factor * slide.microns_per_pixel
    reach = int(FARTHEST_MICRONS / side)
    spacing, points = graphs.pitch(points) / factor, points / factor
    # What no shift brings onto the image needs no room beside it.
    bound = np.array(tissue.shape[::-1]) + reach
    inside = ((points > -reach) & (points < bound)).all(axis=1)
    if not inside.any():
        return Placement(0.0, np.zeros(2), 0.0, True)
    near = max(spacing, NEAREST_MICRONS / side)
    corner, spots, beside = _spots_and_surroundings(points[inside], near)
    on = inside.mean() * _at_every_shift(tissue, corner, spots, reach)
    rim = _at_every_shift(tissue, corner, beside, reach)
    score = on - rim
    away = np.arange(-reach, reach + 1.0)
    length = np.hypot(away[:, None], away)
    alike = score >= score.max() - ALIKE
    y, x = np.unravel_index(np.where(alike, length, np.inf).argmin(), score.shape)
    here, there = float(on[reach, reach]), float(on[y, x])
    doubt = there - here > SURE and length[y, x] > spacing / 2
    shift = np.array([away[x], away[y]]) * factor
    return Placement(here, shift, there, bool(doubt))


def tissue_mask(slide: Slide) -> tuple[np.ndarray | None, float]:
    """Tissue (height, width), and the side of its pixels in pixels of the slide.

    No tissue, but None, where the image shows no glass.
    """
    from scipy.ndimage import gaussian_filter

    small, side = overview(slide, _overview_pixels(slide))
    small[small.max(axis=2) < INK] = BACKGROUND
    density = -np.log10(np.maximum(small, 1) / 255.0).sum(axis=2)
    level = np.log(gaussian_filter(density, 1.5) + FAINT)
    tissue = level > otsu(level.ravel())
    if tissue.all() or not tissue.any():
        return None, side
    low, middle, high = np.quantile(level[~tissue], [0.25, 0.5, 0.75])
    apart = np.median(level[tissue]) - middle
    return (tissue if apart > APART * (high - low) else None), side


def _overview_pixels(slide: Slide) -> int:
    """Longer side of an image whose pixels are about 20 microns wide."""
    step = max(1, int(PIXEL_MICRONS / slide.microns_per_pixel))
    return int(np.ceil(max(slide.width, slide.height) / step))


def _spots_and_surroundings(
    points: np.ndarray, near: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upper left corner (x, y), and weights of spots and of what is right beside."""
    from scipy.ndimage import distance_transform_edt

    margin = int(np.ceil(2.2 * near)) + 1
    places = np.floor(points).astype(int)
    corner = places.min(axis=0) - margin
    width, height = places.max(axis=0) - corner + margin + 1
    spots = np.zeros((height, width))
    column, row = (places - corner).T
    np.add.at(spots, (row, column), 1.0)
    distance = distance_transform_edt(spots == 0)
    beside = (distance > 1.2 * near) & (distance < 2.2 * near)
    return corner, spots / spots.sum(), beside / max(beside.sum(), 1)


def _at_every_shift(
    tissue: np.ndarray, corner: np.ndarray, weights: np.ndarray, reach: int
) -> np.ndarray:
    """Share of ``weights`` on tissue, (2 reach + 1, 2 reach + 1) shifts in y and x."""
    from scipy.signal import fftconvolve

    height, width = weights.shape
    left, top = corner - reach
    window = np.zeros((height + 2 * reach, width + 2 * reach))
    rows = slice(max(top, 0), max(min(top + len(window), tissue.shape[0]), 0))
    columns = slice(max(left, 0), max(min(left + window.shape[1], tissue.shape[1]), 0))
    part = tissue[rows, columns]
    window[
        rows.start - top : rows.start - top + part.shape[0],
        columns.start - left : columns.start - left + part.shape[1],
    ] = part
    return np.clip(fftconvolve(window, weights[::-1, ::-1], mode="valid"), 0.0, 1.0)
