"""Simulated tissue with planted truth.

A section is a lattice of square tiles, one per spot and one ring of margin. Smooth
Gaussian fields give every tile a domain and a cell-type composition. Two such
tissues are made per section: tissue A is painted, tissue B is sequenced.

What the knobs mean
-------------------
``shared``
    Fraction of the variance of B's latent fields that comes from A's:
    ``z_B = sqrt(shared) * z_A + sqrt(1 - shared) * z_0`` with ``z_0`` an independent
    draw of the same law. At 1, B is A: cell for cell the image shows what is
    sequenced, and only counting noise and depth are not in it. At 0, B is
    independent of the image, of its staining and edges, and of every other section;
    its marginal law and spatial autocorrelation are those it has at 1. So
    ``1 - shared`` is what expression holds exclusively. (Smooth fields agree by
    accident: at 0 one pair of sections scores a Pearson of 0 +- 0.1, so average.)
``exclusive``
    The counterpart, what the image holds exclusively: the stroma's log eosin varies
    with a smooth field of variance ``exclusive * 0.3 ** 2``, independent of A, of B
    and of depth. At 0 the stroma is stained evenly within a section (but for
    texture); at 1 it varies as much as stroma plausibly does. Nuclei keep their
    looks, expression is untouched.

Each cause has its own random stream, so one knob moves one thing: the same seed
gives the same pixels at every ``shared`` and the same counts at every
``exclusive``.
"""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import keys
from histobridge.contract import ContractError
from histobridge.data.simulate_counts import (
    draw_counts,
    platform_factor,
    type_names,
    type_profiles,
)
from histobridge.data.simulate_fields import (
    Tissue,
    domain_means,
    smooth_fields,
    stream,
    tissues,
)
from histobridge.data.simulate_image import paint_section

IMAGE_PROPORTIONS = "image_proportions"
IMAGE_DOMAIN = "image_domain"
EXCLUSIVE = "image_exclusive"
RATE = "rate"
NUCLEI = "nuclei"

_EXCLUSIVE_SD = 0.3
_SPOT_DISPERSION = 0.05
_CELL_DISPERSION = 0.3


def simulate_tissue(
    n_sections: int = 2,
    *,
    spots_per_side: int = 16,
    n_genes: int = 200,
    n_types: int = 5,
    n_domains: int = 4,
    shared: float = 1.0,
    exclusive: float = 0.0,
    pitch_microns: float = 200.0,
    spot_microns: float = 100.0,
    microns_per_pixel: float = 2.0,
    depth: float = 3000,
    depth_cv: float = 0.5,
    one_section_per_patient: bool = True,
    platform_sd: float = 0.0,
    nuclei: bool = False,
    seed: int = 0,
) -> ad.AnnData:
    """Sections with an H&E-like image, counts, and the truth behind both.

    Parameters
    ----------
    n_sections, spots_per_side
        Sections, each a square grid of ``spots_per_side ** 2`` spots.
    n_genes, n_types, n_domains
        Half of the genes mark one cell type each.
    shared, exclusive
        In [0, 1]: how much of expression the image shares, and how much else the
        image holds; defined at the top of this module.
    pitch_microns, spot_microns, microns_per_pixel
        Geometry; a spot expresses what its square of one pitch holds.
    depth, depth_cv
        Mean and coefficient of variation of the lognormal depth of a spot, which is
        independent of the image and of composition.
    one_section_per_patient
        Otherwise two consecutive sections come from each patient.
    platform_sd
        Standard deviation of a log factor per gene on all spots, absent from
        :func:`simulate_reference`.
    nuclei
        Also keep in ``uns["nuclei"]`` which pixels are nuclei of which type.
    seed
        Non-negative. Adding a section leaves the earlier ones as they are.

    Returns
    -------
    AnnData with raw counts (CSR) in ``X``; ``obs`` columns ``sample_id``,
    ``patient``, ``domain``, ``image_domain`` (of the painted tissue), ``n_cells``
    (in the spot's square), ``image_exclusive`` (the field behind ``exclusive``, unit
    variance, also where that is 0); ``obsm["spatial"]``;
    ``obsm["true_proportions"]`` and ``obsm["image_proportions"]`` (sequenced and
    painted; data frames, spots x types); ``layers["rate"]``, the expected log1p of
    counts per 10,000 without noise; ``var["marker_of"]`` (a type or ``none``); and
    ``uns["spatial"]`` with image ``hires`` and scale factors of every section.
    With ``nuclei`` also ``uns["nuclei"]``: per section the type of every pixel of the
    image, counted from 1 in the order of ``obsm["image_proportions"]``, 0 elsewhere.

    Raises
    ------
    ContractError
        When an argument is outside its range.
    """
    _check(
        n_sections=(n_sections, 1, np.inf),
        spots_per_side=(spots_per_side, 2, np.inf),
        n_domains=(n_domains, 1, np.inf),
        shared=(shared, 0, 1),
        exclusive=(exclusive, 0, 1),
    )
    _check_geometry(pitch_microns, spot_microns, microns_per_pixel)
    _check_expression(n_genes, n_types, depth, depth_cv, platform_sd, seed)
    profiles, marker_of = type_profiles(seed, n_genes, n_types)
    share = profiles * platform_factor(seed, "tissue platform", n_genes, platform_sd)
    means = domain_means(seed, n_domains, n_types)
    tile_px = pitch_microns / microns_per_pixel
    side = spots_per_side + 2
    parts, libraries, masks = [], {}, {}
    for index in range(n_sections):
        painted, sequenced = tissues(seed, index, side, means, shared, pitch_microns**2)
        field = smooth_fields(stream(seed, "exclusive", index), 1, side, side / 6)[0]
        log_eosin = np.sqrt(exclusive) * _EXCLUSIVE_SD * field
        rng = stream(seed, "slide", index)
        image, drawn = paint_section(
            painted.cells, log_eosin, tile_px, microns_per_pixel, rng
        )
        name, patient = f"S{index + 1}", index // (1 if one_section_per_patient else 2)
        libraries[name] = _library(image, microns_per_pixel, spot_microns)
        if nuclei:
            masks[name] = drawn.raster(len(image))
        obs, obsm = _spots(name, painted, sequenced, field, tile_px)
        obs.insert(1, keys.PATIENT, f"P{patient + 1}")
        rng = stream(seed, "counts", index)
        counts, rate = _sequence(obsm, share, depth, depth_cv, rng)
        parts.append(ad.AnnData(counts, obs, _genes(marker_of), obsm=obsm, layers=rate))
    adata = _join(parts, libraries)
    if nuclei:
        adata.uns[NUCLEI] = masks
    return adata


def simulate_reference(
    n_cells_per_type: int = 60,
    *,
    n_genes: int = 200,
    n_types: int = 5,
    depth: float = 2000,
    depth_cv: float = 0.5,
    platform_sd: float = 0.0,
    seed: int = 0,
) -> ad.AnnData:
    """Single cells of the types that make up :func:`simulate_tissue`.

    Parameters
    ----------
    n_cells_per_type
        Cells of each type.
    n_genes, n_types, seed
        The same three values as for the tissue give the same type profiles.
    depth, depth_cv
        Mean and coefficient of variation of the lognormal depth of a cell.
    platform_sd
        Standard deviation of a log factor per gene on all cells, independent of
        that of the tissue; either alone gives the same gap between the two.

    Returns
    -------
    AnnData with raw counts (CSR) in ``X``, ``obs["cell_type"]``,
    ``var["marker_of"]``.

    Raises
    ------
    ContractError
        When an argument is outside its range.
    """
    _check(n_cells_per_type=(n_cells_per_type, 1, np.inf))
    _check_expression(n_genes, n_types, depth, depth_cv, platform_sd, seed)
    profiles, marker_of = type_profiles(seed, n_genes, n_types)
    share = profiles * platform_factor(seed, "reference platform", n_genes, platform_sd)
    share /= share.sum(axis=1, keepdims=True)
    kind = np.repeat(np.arange(n_types), n_cells_per_type)
    rng = stream(seed, "cells")
    names = [f"cell{i + 1:05d}" for i in range(len(kind))]
    obs = pd.DataFrame(
        {keys.CELL_TYPE: pd.Categorical.from_codes(kind, type_names(n_types))},
        index=names,
    )
    counts = draw_counts(share[kind], depth, depth_cv, _CELL_DISPERSION, rng)
    return ad.AnnData(counts, obs=obs, var=_genes(marker_of))


def _check(**ranges: tuple[float, float, float]) -> None:
    for name, (value, low, high) in ranges.items():
        if not low <= value <= high:
            limits = f">= {low:g}" if high == np.inf else f"from {low:g} to {high:g}"
            raise ContractError(f"{name} {limits}", f"{value}")


def _check_geometry(
    pitch_microns: float, spot_microns: float, microns_per_pixel: float
) -> None:
    _check(
        pitch_microns=(pitch_microns, spot_microns, np.inf),
        spot_microns=(spot_microns, microns_per_pixel, np.inf),
        microns_per_pixel=(microns_per_pixel, 1e-3, np.inf),
    )


def _check_expression(
    n_genes: int,
    n_types: int,
    depth: float,
    depth_cv: float,
    platform_sd: float,
    seed: int,
) -> None:
    _check(
        n_types=(n_types, 2, np.inf),
        n_genes=(n_genes, n_types, np.inf),
        depth=(depth, 1, np.inf),
        depth_cv=(depth_cv, 0, np.inf),
        platform_sd=(platform_sd, 0, np.inf),
        seed=(seed, 0, np.inf),
    )


def _spots(
    name: str, painted: Tissue, sequenced: Tissue, field: np.ndarray, tile_px: float
) -> tuple[pd.DataFrame, dict[str, np.ndarray | pd.DataFrame]]:
    """``obs`` and ``obsm`` of one section."""
    domain, cells = sequenced.spots()
    image_domain, image_cells = painted.spots()
    row, column = np.divmod(np.arange(len(cells)), len(field) - 2)
    obs = pd.DataFrame(
        {
            keys.SECTION: name,
            keys.DOMAIN: [f"domain{d + 1}" for d in domain],
            IMAGE_DOMAIN: [f"domain{d + 1}" for d in image_domain],
            keys.N_CELLS: cells.sum(axis=1),
            EXCLUSIVE: field[1:-1, 1:-1].ravel(),
        },
        index=[f"{name}_{c + 1}x{r + 1}" for r, c in zip(row, column, strict=True)],
    )
    obsm = {keys.SPATIAL: np.column_stack([column + 1, row + 1]) * tile_px}
    for key, whole in (
        (keys.TRUE_PROPORTIONS, cells),
        (IMAGE_PROPORTIONS, image_cells),
    ):
        obsm[key] = pd.DataFrame(
            whole / whole.sum(axis=1, keepdims=True),
            index=obs.index,
            columns=type_names(whole.shape[1]),
        )
    return obs, obsm


def _sequence(
    obsm: dict[str, np.ndarray | pd.DataFrame],
    share: np.ndarray,
    depth: float,
    depth_cv: float,
    rng: np.random.Generator,
) -> tuple[sp.csr_matrix, dict[str, np.ndarray]]:
    """Counts of the spots of one section, and the layer that they are drawn from."""
    mean = np.asarray(obsm[keys.TRUE_PROPORTIONS]) @ share
    mean /= mean.sum(axis=1, keepdims=True)
    counts = draw_counts(mean, depth, depth_cv, _SPOT_DISPERSION, rng)
    return counts, {RATE: np.log1p(1e4 * mean)}


def _library(image: np.ndarray, microns_per_pixel: float, spot_microns: float) -> dict:
    return {
        keys.IMAGES: {"hires": image},
        keys.SCALE_FACTORS: {
            keys.scale_factor("hires"): 1.0,
            keys.MICRONS_PER_PIXEL: float(microns_per_pixel),
            keys.SPOT_DIAMETER: spot_microns / microns_per_pixel,
        },
        keys.IMAGE_METADATA: {},
    }


def _genes(marker_of: pd.Categorical) -> pd.DataFrame:
    names = [f"gene{i + 1:04d}" for i in range(len(marker_of))]
    return pd.DataFrame({"marker_of": marker_of}, index=names)


def _join(parts: list[ad.AnnData], libraries: dict) -> ad.AnnData:
    adata = ad.concat(parts, merge="same")
    for column in (keys.SECTION, keys.PATIENT, keys.DOMAIN, IMAGE_DOMAIN):
        adata.obs[column] = adata.obs[column].astype("category")
    adata.uns[keys.SPATIAL] = libraries
    return adata
