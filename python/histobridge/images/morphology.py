"""The verb that describes the tissue around every spot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.images.cache import cache_folder, cached, content_key
from histobridge.images.encoders import Encoder, find_encoder
from histobridge.images.patches import PatchGrid, crop_patches, image_positions
from histobridge.images.registration import warn_of_misplaced
from histobridge.images.slides import Slide, open_slide

if TYPE_CHECKING:
    from anndata import AnnData


def add_morphology(
    adata: AnnData,
    encoders: Sequence[str] = keys.HANDCRAFTED,
    *,
    patch_microns: float | Sequence[float] | None = None,
    image_id: str | None = None,
    microns_per_pixel: float | None = None,
    stain: str | None = None,
    key_added: str = keys.MORPHOLOGY,
    cache: str | Path | bool = True,
    progress: bool = True,
) -> None:
    """Describe the H&E around every spot.

    Reads ``obsm["spatial"]`` and the image of every section in
    ``uns["spatial"]``; writes ``obsm[key_added]`` (n_spots, d) and the names and
    encoders of its columns under ``uns["histobridge"][key_added]``.

    Warns of a section whose spots lie beside the tissue of its image, see
    :func:`check_registration`.

    Parameters
    ----------
    adata
        Spots of one or several sections.
    encoders
        Names among ``colour`` (statistics of each patch, 52 columns), ``texture``
        (edges, ridges and blobs of the whole section at seven scales, 147 columns),
        ``efficientnet-lite0`` (ImageNet, 1,280 columns a side; some 15 patches a
        second and core), ``efficientnet-lite1``, ``-lite2`` and networks of other
        libraries, see :func:`histobridge.images.backbones.load_backbone`. Default:
        the first two, which take seconds for a section.
    patch_microns
        Side of the square patch in microns; several sides give several blocks.
        Default: what each encoder is best used with (colour 112, 200 and 300;
        EfficientNet-Lite0 200 and 400). ``texture`` has scales of its own.
    image_id
        Which image of the section; default the full-resolution source image where
        its path is known, else ``hires``.
    microns_per_pixel
        Microns per full-resolution pixel, where the object does not store it.
    stain
        Normalise the stain of every section first: ``reinhard``, ``macenko`` or
        ``vahadane``, estimated on its image alone, towards the shipped sample; or the
        name under which ``harmonize_sections`` has recorded the stains.
    cache
        Folder of stored features; ``True`` is the user's cache, ``False`` none.
        Keys are hashes of pixels, positions and encoder.
    progress
        Show a bar.

    Raises
    ------
    ContractError
        No coordinates, no image, an image file that does not exist, no microns per
        pixel, spots outside the image, an unknown encoder.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.add_morphology(bulb, "colour", cache=False, progress=False)
    >>> bulb.obsm["morphology"].shape
    (264, 156)
    """
    if isinstance(encoders, str):
        encoders = [encoders]
    points = contract.coordinates(adata)
    blocks_of = _blocks(encoders, patch_microns)
    folder = cache_folder() if cache is True else (Path(cache) if cache else None)
    columns = [
        f"{column}_{side:g}um" if e.batch else column
        for e, side in blocks_of
        for column in e.columns
    ]
    origin = [e.name for e, _ in blocks_of for _ in e.columns]
    features = np.full((adata.n_obs, len(columns)), np.nan, dtype=np.float32)
    for section, spots in contract.sections(adata).items():
        slide = open_slide(adata, section, image_id, microns_per_pixel or 0.0, stain)
        inside = image_positions(slide, points[spots], section)
        warn_of_misplaced(slide, inside, section)
        features[spots] = _describe(slide, inside, blocks_of, section, folder, progress)
    adata.obsm[key_added] = features
    contract.record(
        adata,
        key_added,
        {
            "columns": columns,
            "encoder": origin,
            "patch_microns": sorted({side for _, side in blocks_of}),
            "stain": stain or "none",
        },
    )


def _blocks(
    encoders: Sequence[str], patch_microns: float | Sequence[float] | None
) -> list[tuple[Encoder, float]]:
    if not len(encoders):
        raise ContractError("at least one encoder", "none")
    blocks = []
    for encoder in map(find_encoder, encoders):
        own = patch_microns is None or not encoder.batch
        sides = (
            encoder.sides_microns if own else np.atleast_1d(np.asarray(patch_microns))
        )
        blocks += [(encoder, float(side)) for side in sides]
    if patch_microns is not None and np.any(np.asarray(patch_microns) <= 0):
        raise ContractError("positive patch sides in microns", patch_microns)
    return blocks


def _describe(
    slide: Slide,
    points: np.ndarray,
    blocks_of: Sequence[tuple[Encoder, float]],
    section: str,
    folder: Path | None,
    progress: bool,
) -> np.ndarray:
    """All blocks (n, d) of one section, read from ``folder`` where they are there."""
    digest, scale = slide.digest(), slide.microns_per_pixel
    blocks = []
    for encoder, side in blocks_of:
        facts = (encoder.name, encoder.version, side, scale, points, *slide.stain)
        title = f"{section}: {encoder.name}"
        encode = partial(encode_section, slide, points, encoder, side, title, progress)
        blocks.append(cached(content_key(digest, *facts), encode, folder))
    return np.concatenate(blocks, axis=1)


def encode_section(
    slide: Slide,
    points: np.ndarray,
    encoder: Encoder,
    microns: float,
    title: str,
    progress: bool,
) -> np.ndarray:
    """Features (n, d) around ``points`` (n, 2), in batches where there are patches."""
    from tqdm.auto import tqdm

    if not encoder.batch:
        return encoder.encode(slide, points).astype(np.float32)
    grid = PatchGrid(microns, encoder.pixels(microns))
    starts = range(0, len(points), encoder.batch)
    rows = [
        encoder.encode(crop_patches(slide, points[i : i + encoder.batch], grid))
        for i in tqdm(starts, desc=title, disable=not progress, leave=False)
    ]
    return np.concatenate(rows).astype(np.float32)
