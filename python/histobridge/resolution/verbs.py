"""The verb that brings expression to a finer grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import __version__, contract, graphs, keys, registry
from histobridge.contract import ContractError
from histobridge.images import add_morphology
from histobridge.images.features import standardised
from histobridge.normalisation import log_normalise, variable_genes
from histobridge.resolution.grid import MICRONS, SPOT, fine_grid, has_image, membership
from histobridge.resolution.problem import Problem, conserve

if TYPE_CHECKING:
    from anndata import AnnData

GENES = 1000
ENHANCED = "enhanced"


def enhance_resolution(
    adata: AnnData,
    *,
    system: str = "regression_kriging",
    pixel_microns: float | None = None,
    spot_microns: float | None = None,
    genes: int | Sequence[str] = GENES,
    encoders: Sequence[str] = ("colour",),
    cache: str | Path | bool = True,
    seed: int = 0,
    **params: Any,
) -> AnnData:
    """Estimate expression on a grid finer than the spots.

    Reads counts, positions, microns per pixel and, for systems that use it, the
    image; returns a new object and writes nothing. Systems differ in how counts are
    shared out within a spot and continued between spots; afterwards every gene sums
    over the points of a spot to the counts of that spot.

    Parameters
    ----------
    pixel_microns
        Side of a grid cell in microns; default a quarter of the distance of spots.
    spot_microns
        Diameter of a spot in microns; default as the section states, else 0.55 of
        the distance of spots.
    genes
        How many of the most variable genes, or which.
    encoders, cache
        How the image is described at every point; see ``add_morphology``.
    seed
        Of the system.
    **params
        Of the system.

    Returns
    -------
    AnnData (n_points, n_genes) of expected counts per point, with ``obs`` columns
    ``sample_id`` and ``spot`` (missing between spots), ``obsm["spatial"]`` in
    full-resolution pixels, ``obsm["spatial_microns"]`` in microns, and the images and
    scale factors of ``adata``.

    Raises
    ------
    ContractError
        Counts, coordinates or microns per pixel that are absent; an image that the
        system needs and the section lacks; an unknown system, parameter or gene.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> fine = hb.enhance_resolution(bulb, system="nearest", genes=["Penk", "Th"])
    >>> fine.shape
    (4476, 2)
    """
    entry = registry.find(system, "resolution")
    image = "image" in entry.needs
    fine, columns, found = prepare(
        adata, pixel_microns, spot_microns, genes, encoders if image else (), cache
    )
    parts = [
        conserve(entry.create(seed=seed, **params).fit_predict(problem), problem)
        for problem in found
    ]
    # Almost no zeros are left, but every verb downstream expects sparse counts.
    enhanced = ad.AnnData(
        sp.csr_matrix(np.concatenate(parts).astype(np.float32)),
        obs=fine.obs,
        var=adata.var.iloc[columns].copy(),
        obsm={key: fine.obsm[key] for key in (keys.SPATIAL, MICRONS)},
        uns={keys.SPATIAL: fine.uns[keys.SPATIAL], keys.X_NAME: keys.COUNTS},
    )
    settings = {
        "verb": "enhance_resolution",
        "system": system,
        "seed": seed,
        "params": params,
        "version": __version__,
        "pixel_microns": [float(graphs.pitch(p)) for p in _by_section(fine, MICRONS)],
    }
    contract.record(enhanced, ENHANCED, settings)
    return enhanced


def prepare(
    adata: AnnData,
    pixel_microns: float | None,
    spot_microns: float | None,
    genes: int | Sequence[str],
    encoders: Sequence[str] = (),
    cache: str | Path | bool = True,
) -> tuple[AnnData, np.ndarray, list[Problem]]:
    """Points without expression, positions of the genes, and a problem per section.

    The problems have image features where there are ``encoders`` and every section
    has an image; they come in the order of the points.
    """
    contract.unique_names(adata)
    columns = _chosen_genes(adata, genes)
    fine = fine_grid(adata, pixel_microns, spot_microns)
    if encoders:
        _describe(fine, adata, encoders, cache)
    counts = sp.csr_matrix(contract.counts(adata), dtype=float)[:, columns]
    spots = graphs.positions_microns(adata)
    own, found = contract.sections(adata), []
    for section, points in contract.sections(fine).items():
        rows = own[section]
        features, names = _features(fine, points)
        found.append(
            Problem(
                counts=counts[rows],
                spots=spots[rows],
                points=fine.obsm[MICRONS][points],
                member=membership(fine.obs[SPOT].iloc[points], adata.obs_names[rows]),
                features=features,
                columns=names,
            )
        )
    return fine, columns, found


def _features(
    fine: AnnData, points: np.ndarray
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if keys.MORPHOLOGY not in fine.obsm:
        return None, ()
    values = np.asarray(fine.obsm[keys.MORPHOLOGY])[points]
    names = fine.uns[keys.SETTINGS][keys.MORPHOLOGY]["columns"]
    return standardised(values, np.zeros(len(values))), tuple(names)


def _describe(
    fine: AnnData, adata: AnnData, encoders: Sequence[str], cache: str | Path | bool
) -> None:
    """Image features of every point, from its own cell and from its surroundings."""
    sections = contract.sections(adata)
    if not all(has_image(adata, section) for section in sections):
        return
    pixel = float(np.median([graphs.pitch(p) for p in _by_section(fine, MICRONS)]))
    spots = graphs.positions_microns(adata)
    pitch = float(np.median([graphs.pitch(spots[rows]) for rows in sections.values()]))
    sides = sorted({2 * pixel, pitch})
    add_morphology(fine, encoders, patch_microns=sides, cache=cache, progress=False)


def _by_section(adata: AnnData, key: str) -> list[np.ndarray]:
    return [adata.obsm[key][rows] for rows in contract.sections(adata).values()]


def _chosen_genes(adata: AnnData, genes: int | Sequence[str]) -> np.ndarray:
    if isinstance(genes, int | np.integer):
        return np.sort(variable_genes(log_normalise(contract.counts(adata)), genes))
    wanted = [genes] if isinstance(genes, str) else list(genes)
    found = pd.Index(adata.var_names).get_indexer(wanted)
    if (found < 0).any():
        absent = [gene for gene, at in zip(wanted, found, strict=True) if at < 0]
        raise ContractError("genes among the features", absent, adata.var_names)
    return found
