"""The verb that lays sections over one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import __version__, contract, graphs, keys
from histobridge.contract import ContractError
from histobridge.images import open_slide
from histobridge.images.features import standardised
from histobridge.sections.assess import landmark_error
from histobridge.sections.matching import Section, match_sections
from histobridge.sections.warp import Step, smooth_warp

if TYPE_CHECKING:
    from anndata import AnnData

METHODS = ("expression", "image")
ALIGNED = "aligned"

_PLACES = 700
_GENES = 2000
_FLOOR = 0.01


def align_sections(
    xs: AnnData | Sequence[AnnData],
    *,
    method: str = "expression",
    overlap: float = 1.0,
    structure: float = 0.1,
    image: float = 0.0,
    warp: bool = False,
    landmarks: str | None = None,
    key_added: str = ALIGNED,
    seed: int = 0,
) -> None:
    """Lay every section over the one before it, and all over the first.

    Reads positions and, by method, counts and ``obsm["morphology"]``, or images;
    writes ``obsm[key_added]`` (n_spots, 2), positions in microns in the frame of the
    first section, and motions under ``uns["histobridge"][key_added]``. Original
    positions stay.

    Parameters
    ----------
    xs
        Objects of one or several sections, or one object of several.
    method
        ``expression``: transport of spots by their expression, then the rigid motion
        that fits it. ``image``: rigid and affine registration of the H&E.
    overlap
        Share of the tissue that neighbouring sections have in common; below 1 the
        rest is left unmatched.
    structure
        Weight of distances within sections against likeness of spots, from 0 to 1.
    image
        Weight of image features in the likeness of spots, from 0 to 1.
    warp
        Follow the motion by a smooth deformation. By expression there is one only
        where it foretells the matches of tissue that it was not fitted to.
    landmarks
        ``obs`` column that names spots which are the same place in all sections;
        only used to report ``landmark_error`` in microns, before and after.
    seed
        Of the registration of images, or of the places that large sections are
        reduced to.

    Raises
    ------
    ContractError
        Fewer than two sections; no counts, no common genes, no image, image features
        or microns per pixel where they are needed; an unknown method; a weight that
        is none.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb()
    >>> hb.align_sections(bulb)
    >>> bulb.obsm["aligned"].shape
    (501, 2)
    """
    objects = [xs] if hasattr(xs, "obs") else list(xs)
    parts = _parts(objects)
    if method not in METHODS:
        raise ContractError("a method by name", repr(method), METHODS)
    if not 0 < overlap <= 1:
        raise ContractError("an overlap above 0 and up to 1", f"{overlap:g}")
    for name, weight in (("structure", structure), ("image", image)):
        if not 0 <= weight <= 1:
            raise ContractError(f"a weight {name} from 0 to 1", f"{weight:g}")
    if method == "image":
        from histobridge.sections.registration import register_images

        slides = [open_slide(a, name) for a, name, _ in parts]
        found = [register_images(m, f, warp, seed) for m, f in _pairs(slides)]
    else:
        if image and not all(keys.MORPHOLOGY in adata.obsm for adata, *_ in parts):
            raise ContractError(
                f'image features in obsm["{keys.MORPHOLOGY}"] of every object, to '
                "weigh (run add_morphology / addMorphology)",
                "none",
            )
        sections = _sections(parts, seed)
        found = [
            _matched(m, f, structure, overlap, image, warp) for m, f in _pairs(sections)
        ]
    placed = _chained([points for *_, points in _positions(parts)], found)
    _write(objects, parts, placed, key_added)
    settings = {
        "verb": "align_sections",
        "method": method,
        "warp": warp,
        "overlap": overlap,
        "version": __version__,
        "warped": [False, *(warp and step.bend is not None for step in found)],
        "degrees": [0.0, *(step.rigid.degrees for step in found)],
    }
    if landmarks is not None:
        settings["landmark_error"] = _landmarks(parts, placed, landmarks)
    for adata in objects:
        contract.record(adata, key_added, settings)


Part = tuple["AnnData", str, np.ndarray]


def _pairs(items: list) -> list[tuple]:
    """Every item but the first, with the one before it."""
    return list(zip(items[1:], items[:-1], strict=True))


def _parts(objects: list[AnnData]) -> list[Part]:
    """Object, name and spots of every section, in order."""
    parts = [
        (adata, name, spots)
        for adata in objects
        for name, spots in contract.sections(adata).items()
    ]
    if len(parts) < 2:
        raise ContractError("at least two sections", f"{len(parts)}")
    stated = [graphs.has_microns(adata[spots]) for adata, _, spots in parts]
    if any(stated) and not all(stated):
        without = [
            name for (_, name, _), own in zip(parts, stated, strict=True) if not own
        ]
        raise ContractError(
            "microns per pixel of all sections, or of none",
            f"none for {contract.listing(without)}",
        )
    return parts


def _positions(parts: list[Part]) -> list[tuple[AnnData, np.ndarray]]:
    return [
        (adata, graphs.positions_microns(adata)[spots]) for adata, _, spots in parts
    ]


def _sections(parts: list[Part], seed: int) -> list[Section]:
    """Common genes, and at most so many places of every section."""
    genes = parts[0][0].var_names
    for adata, *_ in parts[1:]:
        genes = genes[genes.isin(adata.var_names)]
    if len(genes) < 10:
        raise ContractError("at least 10 genes in common", f"{len(genes)}")
    counts = [
        sp.csr_matrix(contract.counts(adata), dtype=float)[spots][
            :, adata.var_names.get_indexer(genes)
        ]
        for adata, _, spots in parts
    ]
    total = np.sum([np.asarray(c.sum(axis=0)).ravel() for c in counts], axis=0)
    kept = np.argsort(-total, kind="stable")[:_GENES]
    return [
        _gathered(adata, spots, points, count[:, kept], seed)
        for (adata, _, spots), (_, points), count in zip(
            parts, _positions(parts), counts, strict=True
        )
    ]


def _gathered(
    adata: AnnData, spots: np.ndarray, points: np.ndarray, counts: Any, seed: int
) -> Section:
    """Spots of a section, neighbours joined where there are too many for a plan."""
    from sklearn.cluster import KMeans

    n = len(points)
    code = np.arange(n)
    if n > _PLACES:
        model = KMeans(_PLACES, n_init=1, random_state=seed)
        code = pd.factorize(model.fit_predict(points))[0]
    size = np.bincount(code)
    join = sp.csr_matrix((np.ones(n), (code, np.arange(n))), (len(size), n))
    # Spots without counts match anything equally.
    shares = (join @ counts).toarray() + _FLOOR
    shares /= shares.sum(axis=1, keepdims=True)
    image = None
    if keys.MORPHOLOGY in adata.obsm:
        features = np.asarray(adata.obsm[keys.MORPHOLOGY])[spots]
        features = standardised(features, np.zeros(n))
        image = (join @ features) / size[:, None]
    return Section((join @ points) / size[:, None], shares, image)


def _matched(
    moving: Section,
    fixed: Section,
    structure: float,
    overlap: float,
    image: float,
    warp: bool,
) -> Step:
    motion, plan = match_sections(
        moving, fixed, structure=structure, overlap=overlap, image=image
    )
    bend = smooth_warp(motion(moving.points), fixed.points, plan) if warp else None
    return Step(motion, bend)


def _chained(positions: list[np.ndarray], steps: list[Step]) -> list[np.ndarray]:
    """Positions of all sections in the frame of the first."""
    placed = list(positions[:1])
    for i in range(1, len(positions)):
        points = positions[i]
        for step in steps[:i][::-1]:
            points = step(points)
        placed.append(points)
    return placed


def _write(
    objects: list[AnnData], parts: list[Part], placed: list[np.ndarray], key: str
) -> None:
    for adata in objects:
        whole = np.empty((adata.n_obs, 2))
        for (owner, _, spots), points in zip(parts, placed, strict=True):
            if owner is adata:
                whole[spots] = points
        adata.obsm[key] = whole


def _landmarks(
    parts: list[Part], placed: list[np.ndarray], column: str
) -> dict[str, float]:
    names = [
        contract.obs_column(adata, column, "landmarks").iloc[spots]
        for adata, _, spots in parts
    ]
    before = [points for _, points in _positions(parts)]
    return {
        "before": landmark_error(before, names),
        "after": landmark_error(placed, names),
    }
