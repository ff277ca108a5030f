"""The verb that paints a stain or marker genes from the H&E."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import __version__, contract, graphs, keys, registry
from histobridge.contract import ContractError
from histobridge.images.patches import image_positions
from histobridge.images.slides import open_slide
from histobridge.splits import inner_splits
from histobridge.staining.lesson import (
    MarkerScores,
    View,
    Wanted,
    read_lesson,
    spot_radius_microns,
    wanted_channels,
)
from histobridge.staining.painting import nearest_owner, paint_section, spot_values
from histobridge.staining.stainer import Stainer

if TYPE_CHECKING:
    from anndata import AnnData

Genes = str | Sequence[str] | Mapping[str, str | Sequence[str]]


def stain_virtually(
    adata: AnnData,
    reference: AnnData | None = None,
    *,
    channels: str | Sequence[str] | None = None,
    genes: Genes | None = None,
    target_image: str | None = None,
    system: str = "colour_filters",
    image_id: str | None = None,
    stain: str | None = None,
    key_added: str = keys.VIRTUAL_STAIN,
    **params: Any,
) -> None:
    """Paint the channels of another stain, or of marker genes, from the H&E.

    Reads positions, the images of ``uns["spatial"]`` and, for markers, counts of
    what is taught from; writes the data frame ``obsm[key_added]`` (n_spots x
    channels, means over the discs of spots), one grey picture
    ``uns["spatial"][section]["images"][key_added + "_" + channel]`` per section and
    channel with its scale factor, and settings, with the value of black and of white
    in every picture (``range``), under ``uns["histobridge"][key_added]``.

    Parameters
    ----------
    reference
        Sections to learn from. By default ``adata`` itself is cross-fitted: what is
        painted of a patient (else section, else block of spots) was learnt from the
        others.
    channels
        Stains among ``haematoxylin``, ``eosin``, ``dab`` (optical densities after
        colour deconvolution) and ``intensity`` (brightness, of fluorescence), of the
        picture ``target_image``, which every taught section must have.
    genes
        Marker genes, a channel each; or channel -> genes, whose standardised log
        expression is averaged. Taught by spots, painted by pixels.
    target_image
        Picture of the other stain, registered to the H&E; by default the H&E itself,
        whose own stains are then drawn again: a check of the network, no finding.
    system
        Name from ``histobridge.list_systems("staining")``.
    image_id, stain
        Which picture is the H&E, and how its stain is normalised, see
        ``add_morphology``.
    **params
        Of the system; networks take the fields of
        :class:`histobridge.translation.options.Options`, among them ``seed`` and
        ``checkpoint``, a folder of trained networks to go on from.

    Raises
    ------
    ContractError
        Unknown system, stain or gene; no image; fewer than ten spots to learn from;
        too few spots to cross-fit.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb()
    >>> hb.stain_virtually(bulb, genes=["Penk", "Th"])
    >>> bulb.obsm["virtual_stain"].shape
    (501, 2)
    """
    contract.unique_names(adata)
    entry = registry.find(system, "staining")
    model = entry.create(**params)
    taught = adata if reference is None else reference
    if channels is None and genes is None:
        genes = _defaults(model, taught)
    wanted = wanted_channels(taught, channels, genes, target_image)
    view = View(model.patch, image_id, stain)
    jobs = _jobs(adata, taught, wanted, model)
    values = np.full((adata.n_obs, len(wanted.names)), np.nan)
    maps: dict[str, np.ndarray] = {}
    for number, (known, asked) in enumerate(jobs):
        fitted = _fitted(entry, params, number, taught, known, wanted, view)
        _paint(fitted, adata, asked, view, values, maps)
    ends = _ends(maps)
    adata.obsm[key_added] = pd.DataFrame(
        values, index=adata.obs_names, columns=wanted.names
    )
    _keep_pictures(adata, maps, wanted, view, ends, key_added)
    settings = {
        "verb": "stain_virtually",
        "system": system,
        "params": params,
        "version": __version__,
        "cross_fitted": reference is None,
        "networks": len(jobs),
        "range": dict(zip(wanted.names, ends.tolist(), strict=True)),
    }
    contract.record(adata, key_added, settings | _painted_as(wanted, view))


def _painted_as(wanted: Wanted, view: View) -> dict[str, Any]:
    """Settings: what was painted, from what."""
    return {
        "channels": wanted.names,
        "markers": {name: list(m) for name, m in wanted.markers.items()},
        "target_image": wanted.target_image or "the H&E itself",
        "stain": view.stain or "none",
        "pixel_microns": view.pixel_microns,
    }


def _defaults(model: Stainer, adata: AnnData) -> dict[str, list[str]]:
    """Markers of the system that were measured, whatever the case of their names."""
    upper = {str(name).upper(): str(name) for name in adata.var_names}
    found = {
        channel: [upper[gene] for gene in genes if gene in upper]
        for channel, genes in model.default_markers.items()
    }
    if found and not all(found.values()):
        asked = [g for genes in model.default_markers.values() for g in genes]
        raise ContractError(f"some of {asked}", "none of them", adata.var_names)
    return found


def _jobs(
    adata: AnnData, taught: AnnData, wanted: Wanted, model: Stainer
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Spots to learn from and spots to paint, of one network each."""
    spots = np.arange(taught.n_obs)
    if wanted.markers:
        spots = spots[~contract.empty_spots(taught)]
    if taught is not adata:
        return [(spots, np.arange(adata.n_obs))]
    seed, patch = model.options.seed, model.patch.microns
    folds = inner_splits(adata, spots, seed, patch)
    if not folds:
        raise ContractError("spots enough to cross-fit", len(spots), "reference =")
    empty = np.setdiff1d(np.arange(adata.n_obs), spots)
    sections = graphs.section_codes(adata)
    jobs = []
    for known, asked in folds:
        # Spots without counts go with the network that paints their section.
        mine = empty[np.isin(sections[empty], sections[asked])]
        jobs.append((known, np.concatenate([asked, mine])))
    return jobs


def _fitted(
    entry: registry.System,
    params: dict[str, Any],
    number: int,
    adata: AnnData,
    spots: np.ndarray,
    wanted: Wanted,
    view: View,
) -> Stainer:
    """A stainer taught by some spots, an inner group held out where it has patience."""
    params = dict(params)
    if params.get("checkpoint"):
        params["checkpoint"] = f"{params['checkpoint']}/network{number + 1}"
    model = entry.create(**params)
    held = np.zeros(len(spots), dtype=bool)
    if model.options.patience is not None:
        folds = inner_splits(adata, spots, model.options.seed, view.patch.microns)
        if not folds:
            raise ContractError("training spots enough to hold some out", len(spots))
        keep = np.isin(spots, np.concatenate(folds[0]))
        spots = spots[keep]
        held = np.isin(spots, folds[0][1])
    scores = MarkerScores(wanted.markers).fit(adata, spots[~held])
    return model.fit(read_lesson(adata, spots, wanted, view, scores), held)


def _paint(
    model: Stainer,
    adata: AnnData,
    asked: np.ndarray,
    view: View,
    values: np.ndarray,
    maps: dict[str, np.ndarray],
) -> None:
    """Fill ``values`` of the spots asked for, and their part of the maps."""
    points = contract.coordinates(adata)
    for section, spots in contract.sections(adata).items():
        mine = np.isin(spots, asked)
        if not mine.any():
            continue
        slide = open_slide(adata, section, view.image_id, stain=view.stain)
        inside = image_positions(slide, points[spots], section)
        painted = paint_section(model, slide, inside, view, mine)
        places = inside * slide.microns_per_pixel / view.pixel_microns
        radius = spot_radius_microns(adata, section) / view.pixel_microns
        values[spots[mine]] = spot_values(painted, places[mine], radius)
        if mine.all():
            maps[section] = painted
            continue
        ours = nearest_owner(painted.shape[1:], places, mine)
        before = maps.get(section, np.full_like(painted, np.nan))
        maps[section] = np.where(ours, painted, before)


def _ends(maps: dict[str, np.ndarray]) -> np.ndarray:
    """Values (channels, 2) that are drawn black and white, alike in all sections."""
    pixels = np.concatenate([m.reshape(len(m), -1) for m in maps.values()], axis=1)
    return np.nanpercentile(pixels, [0.5, 99.5], axis=1).T


def _keep_pictures(
    adata: AnnData,
    maps: dict[str, np.ndarray],
    wanted: Wanted,
    view: View,
    ends: np.ndarray,
    key_added: str,
) -> None:
    """Write uint8 pictures beside the H&E; nested dictionaries are not shared."""
    libraries = dict(adata.uns[keys.SPATIAL])
    low, high = ends[:, 0, None, None], ends[:, 1, None, None]
    for section, found in maps.items():
        grey = 255 * (found - low) / np.maximum(high - low, 1e-12)
        grey = np.round(np.nan_to_num(grey).clip(0, 255)).astype(np.uint8)
        library = dict(libraries[section])
        images = dict(library.get(keys.IMAGES, {}))
        factors = dict(library[keys.SCALE_FACTORS])
        for name, picture in zip(wanted.names, grey, strict=True):
            image_id = f"{key_added}_{name}"
            images[image_id] = np.repeat(picture[..., None], 3, axis=2)
            scale = contract.microns_per_pixel(adata, section) / view.pixel_microns
            factors[keys.scale_factor(image_id)] = scale
        libraries[section] = library | {
            keys.IMAGES: images,
            keys.SCALE_FACTORS: factors,
        }
    adata.uns[keys.SPATIAL] = libraries
