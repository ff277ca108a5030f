"""The verb that counts nuclei around every spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.images.colour import unmixed
from histobridge.images.patches import image_positions
from histobridge.images.slides import Slide, open_slide
from histobridge.images.texture import optical_density
from histobridge.images.threshold import otsu

if TYPE_CHECKING:
    from anndata import AnnData

COARSEST_MICRONS = 3.0
"""Microns per pixel above which neighbouring nuclei are one blob."""
FINEST_MICRONS = 1.0
FAINTEST = 0.03
"""Response below which a maximum is no nucleus, on a slide that has none."""
RADII_MICRONS = (3.0, 4.5, 6.5)


def count_nuclei(
    adata: AnnData,
    *,
    diameter_microns: float | None = None,
    image_id: str | None = None,
    microns_per_pixel: float | None = None,
    stain: str | None = None,
    key_added: str = keys.NUCLEI,
) -> None:
    """Count the nuclei in the H&E of every spot.

    Reads ``obsm["spatial"]`` and the image of every section; writes
    ``obs[key_added]``, the number of nuclei whose centre lies in the spot. Nuclei
    are the local maxima over place and size of the Laplacian of Gaussian of the
    density of haematoxylin (Lindeberg 1998, Int J Comput Vis 30:79), above the
    threshold of Otsu (1979, IEEE Trans Syst Man Cybern 9:62) between the maxima of
    nuclei and of grain.

    Parameters
    ----------
    diameter_microns
        Diameter of a spot in microns; default that of the object.
    image_id, microns_per_pixel, stain
        See :func:`add_morphology`.

    Raises
    ------
    ContractError
        No image, no diameter, or an image of more than 3 microns per pixel, in which
        nuclei can not be told apart.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.count_nuclei(bulb, diameter_microns=100)
    >>> bool(bulb.obs["n_nuclei"].median() > 10)
    True
    """
    adata.obs[key_added] = nuclei_of_spots(
        adata, diameter_microns, image_id, microns_per_pixel, stain
    )
    contract.record(
        adata, key_added, {"diameter_microns": diameter_microns or "of the spots"}
    )


def nuclei_of_spots(
    adata: AnnData,
    diameter_microns: float | None = None,
    image_id: str | None = None,
    microns_per_pixel: float | None = None,
    stain: str | None = None,
) -> np.ndarray:
    """Nuclei (n_spots,) as :func:`count_nuclei` counts them."""
    from scipy.spatial import cKDTree

    points = contract.coordinates(adata)
    number = np.zeros(adata.n_obs, dtype=int)
    for section, spots in contract.sections(adata).items():
        full = microns_per_pixel or contract.microns_per_pixel(adata, section)
        slide = open_slide(adata, section, image_id, full, stain)
        places = image_positions(slide, points[spots], section)
        wide = diameter_microns or _diameter(adata, section) * full
        found = cKDTree(nuclei(slide))
        within = wide / 2 / slide.microns_per_pixel
        number[spots] = found.query_ball_point(places, within, return_length=True)
    return number


def nuclei(slide: Slide) -> np.ndarray:
    """Centres (n, 2) of the nuclei of a slide, as (x, y) pixels.

    Raises
    ------
    ContractError
        An image too coarse.
    """
    from scipy.ndimage import gaussian_laplace, maximum_filter

    if slide.microns_per_pixel > COARSEST_MICRONS:
        raise ContractError(
            f"at most {COARSEST_MICRONS:g} microns per pixel to count nuclei",
            f"{slide.microns_per_pixel:.3g}",
        )
    step = max(slide.microns_per_pixel, FINEST_MICRONS)
    stained = unmixed(optical_density(slide, step))[..., 0]
    best = np.full(stained.shape, -np.inf, dtype=np.float32)
    for radius in RADII_MICRONS:
        sigma = radius / step / np.sqrt(2)
        np.maximum(best, -(sigma**2) * gaussian_laplace(stained, sigma), out=best)
    reach = max(1, round(RADII_MICRONS[0] / step))
    top = (best == maximum_filter(best, 2 * reach + 1)) & (best > 0)
    row, column = np.nonzero(top)
    strength = best[row, column]
    kept = strength > max(otsu(strength), FAINTEST)
    centres = np.column_stack([column[kept], row[kept]]) + 0.5
    return centres * (step / slide.microns_per_pixel) - 0.5


def _diameter(adata: AnnData, section: str) -> float:
    """Diameter of a spot in pixels of full resolution."""
    library = adata.uns.get(keys.SPATIAL, {}).get(section, {})
    factors = library.get(keys.SCALE_FACTORS, {})
    if keys.SPOT_DIAMETER not in factors:
        raise ContractError(
            f"a spot diameter of section {section!r} "
            "(spot_diameter_fullres, or diameter_microns / diameterMicrons)",
            "none",
            factors,
        )
    return float(factors[keys.SPOT_DIAMETER])
