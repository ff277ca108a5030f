"""The finer grid: where its points lie and which spot holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, graphs, keys
from histobridge.contract import ContractError
from histobridge.images import open_slide

if TYPE_CHECKING:
    from anndata import AnnData

MICRONS = "spatial_microns"
SPOT = "spot"
DIAMETER_PER_PITCH = 0.55
"""Of Visium, for sections that do not state the diameter of a spot."""

_POINTS_PER_PITCH = 4
_REACH = 0.75


def fine_grid(
    adata: AnnData,
    pixel_microns: float | None = None,
    spot_microns: float | None = None,
) -> AnnData:
    """Points on a square lattice over the tissue, without expression yet.

    Parameters
    ----------
    pixel_microns
        Side of a grid cell; default a quarter of the pitch of the spots.
    spot_microns
        Diameter of a spot; default as stated, else 0.55 of the pitch.

    Returns
    -------
    AnnData (n_points, 0) with ``obs`` columns ``sample_id``, ``spot`` (the spot whose
    disc holds the point, missing between spots) and ``patient`` where there is one;
    ``obsm["spatial"]`` in full-resolution pixels and ``obsm["spatial_microns"]`` in
    microns; images and scale factors of ``adata``.

    Raises
    ------
    ContractError
        No coordinates or microns per pixel; spots at one place; a grid too coarse to
        fall into a spot.
    """
    centres = contract.coordinates(adata)
    obs, pixels, microns = [], [], []
    for section, rows in contract.sections(adata).items():
        scale = contract.microns_per_pixel(adata, section)
        spots = centres[rows] * scale
        shared = len(spots) - len(np.unique(spots, axis=0))
        if shared:
            raise ContractError(
                f"spots at places of their own in section {section!r}",
                f"{shared} at the place of another",
            )
        pitch = graphs.pitch(spots)
        side = pixel_microns or pitch / _POINTS_PER_PITCH
        diameter = spot_microns or _diameter(adata, section, pitch, scale)
        points = _lattice(spots, pitch, side)
        points = points[_inside_image(adata, section, points / scale)]
        own = _holder(spots, points, diameter, side)
        names = np.array([*adata.obs_names[rows], None], dtype=object)
        frame = {keys.SECTION: section, SPOT: names[own]}
        if keys.PATIENT in adata.obs:
            patient = adata.obs[keys.PATIENT].iloc[rows[0]]
            frame[keys.PATIENT] = None if pd.isna(patient) else str(patient)
        titles = [f"{section}_point{i + 1:06d}" for i in range(len(points))]
        obs.append(pd.DataFrame(frame, index=titles))
        pixels.append(points / scale)
        microns.append(points)
    table = pd.concat(obs)
    for column in (keys.SECTION, keys.PATIENT):
        if column in table:
            table[column] = table[column].astype("category")
    return ad.AnnData(
        obs=table,
        obsm={keys.SPATIAL: np.concatenate(pixels), MICRONS: np.concatenate(microns)},
        uns={keys.SPATIAL: dict(adata.uns.get(keys.SPATIAL, {}))},
    )


def membership(spot: pd.Series, names: pd.Index) -> sp.csr_matrix:
    """Sparse (n_spots, n_points) of ones: which points a spot holds."""
    row = names.get_indexer(spot)
    inside = np.flatnonzero(row >= 0)
    shape = (len(names), len(spot))
    return sp.csr_matrix((np.ones(len(inside)), (row[inside], inside)), shape=shape)


def _diameter(adata: AnnData, section: str, pitch: float, scale: float) -> float:
    factors = adata.uns[keys.SPATIAL][section][keys.SCALE_FACTORS]
    stated = factors.get(keys.SPOT_DIAMETER)
    return float(stated) * scale if stated else DIAMETER_PER_PITCH * pitch


def _lattice(spots: np.ndarray, pitch: float, side: float) -> np.ndarray:
    """Points no further from a spot than the middle between spots is."""
    low, high = spots.min(axis=0) - _REACH * pitch, spots.max(axis=0) + _REACH * pitch
    # Whole steps from a spot, so that on square arrays every spot is cut alike; from
    # the same one in whatever order the spots come.
    first = spots[np.lexsort(spots.T)[0]]
    start = first - np.ceil((first - low) / side) * side
    count = np.floor((high - start) / side).astype(int) + 1
    x, y = np.meshgrid(*(start[i] + side * np.arange(count[i]) for i in range(2)))
    points = np.column_stack([x.ravel(), y.ravel()])
    distance, _ = graphs.nearest(spots, 1, points)
    return points[distance[:, 0] <= _REACH * pitch]


def _inside_image(adata: AnnData, section: str, points: np.ndarray) -> np.ndarray:
    if not has_image(adata, section):
        return np.ones(len(points), dtype=bool)
    slide = open_slide(adata, section)
    size = np.array([slide.width, slide.height]) / slide.pixel_scale
    return np.all((points >= 0) & (points <= size), axis=1)


def has_image(adata: AnnData, section: str) -> bool:
    """Whether the section has an image or the path of one."""
    library = adata.uns.get(keys.SPATIAL, {}).get(section, {})
    source = library.get(keys.IMAGE_METADATA, {}).get(keys.SOURCE_IMAGE)
    return bool(library.get(keys.IMAGES)) or bool(source)


def _holder(
    spots: np.ndarray, points: np.ndarray, diameter: float, side: float
) -> np.ndarray:
    """Spot that holds each point, -1 between spots."""
    distance, nearest = graphs.nearest(spots, 1, points)
    own = np.where(distance[:, 0] <= diameter / 2, nearest[:, 0], -1)
    empty = np.setdiff1d(np.arange(len(spots)), own)
    if len(empty):
        raise ContractError(
            f"a grid finer than the spots of {diameter:.4g} um",
            f"points every {side:.4g} um, none within {len(empty)} spots",
            "pixel_microns, spot_microns",
        )
    return own
