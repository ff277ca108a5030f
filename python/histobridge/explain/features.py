"""The probe of a model that reads the features of ``add_morphology``."""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from typing import TYPE_CHECKING, Self

import anndata as ad
import numpy as np
import pandas as pd
from scipy import ndimage

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.explain.linear import linear_members
from histobridge.explain.probe import Probe
from histobridge.explain.target import Target
from histobridge.images.encoders import Encoder, find_encoder
from histobridge.images.features import feature_names
from histobridge.images.patches import PatchGrid, crop_patches, image_positions
from histobridge.images.slides import Slide, open_slide
from histobridge.images.texture import FINEST_MICRONS

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.translation.base import Translator

REACH_MICRONS = 400.0
"""How far around a spot the filters of a whole section are computed anew."""

COARSEST = 32
"""Pixels of the finest level of filters in one of the coarsest."""

LARGEST = 256
"""Most pixels of a side of a patch."""

COPIED = 8000
"""Spots in all copies of a section that are predicted at once."""


class FeatureProbe(Probe):
    """Any translator as a function of the patch of one spot, through its features.

    A changed patch is pasted into the slide, the features of its spot are computed
    again, and the difference is added to what ``obsm["morphology"]`` holds. Encoders
    of patches are exact; filters over the whole section see ``REACH_MICRONS`` around
    the spot, which gives their change to about an eighth. The prediction is that of a
    copy of the section in which one spot changed.

    Parameters
    ----------
    spots
        Positions in ``adata`` of the spots that are explained.

    Attributes
    ----------
    memory
        Features by spot and hash of its patch; they do not depend on the model.
    """

    def __init__(
        self, model: Translator, adata: AnnData, spots: np.ndarray, target: Target
    ):
        self.model, self.target, self.spots, self.adata = model, target, spots, adata
        settings = adata.uns.get(keys.SETTINGS, {}).get(keys.MORPHOLOGY, {})
        if not settings.get("columns"):
            raise ContractError(
                "image features whose encoders are recorded (add_morphology)",
                "none",
                adata.obsm,
            )
        self.memory: dict[tuple[int, bytes], np.ndarray] = {}
        self.encoders = _encoders(adata)
        stain = settings.get("stain", "none")
        self._stain = None if stain == "none" else stain
        self._names = contract.section_names(adata).to_numpy().astype(str)
        sides = [side for e, side in self.encoders if e.batch]
        self.microns = max(sides, default=200.0)
        self.patches = self._patches()
        self._check()
        self.offers = frozenset(
            {"image", "linear"} if linear_members(model) else {"image"}
        )

    def _check(self) -> None:
        """Refuse features that were not made from the image that is there."""
        slide, point = self._slides[self._names[self.spots[0]]], self._points[:1]
        stored = np.asarray(self.adata.obsm[keys.MORPHOLOGY], dtype=float)
        spread, at = stored.std(axis=0) + 1e-3, 0
        for encoder, side in self.encoders:
            width = len(encoder.columns)
            if encoder.batch:
                grid = PatchGrid(side, encoder.pixels(side))
                found = encoder.encode(crop_patches(slide, point, grid))[0]
                part = slice(at, at + width)
                away = np.abs(found - stored[self.spots[0], part]) / spread[part]
                if away.max() > 0.1:
                    raise ContractError(
                        "image features made by add_morphology from the image of "
                        "the object",
                        f"others (encoder {encoder.name!r})",
                        "run add_morphology / addMorphology again",
                    )
            at += width

    def score(self, rows: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """See :meth:`Probe.score`."""
        rows, out = np.asarray(rows), np.empty(len(rows))
        changes = np.empty((len(rows), len(feature_names(self.adata))))
        for row in np.unique(rows):
            at = rows == row
            changes[at] = self.changes(row, pixels[at])
        names = self._names[self.spots[rows]]
        for section in np.unique(names):
            held = np.flatnonzero(self._names == section)
            at = np.flatnonzero(names == section)
            size = max(1, COPIED // len(held))
            for part in np.split(at, range(size, len(at), size)):
                own = np.searchsorted(held, self.spots[rows[part]])
                out[part] = self._predicted(section, held, own, changes[part])
        return out

    def like(self, other: Self) -> None:
        """See :meth:`Probe.like`; the features that were computed as well."""
        super().like(other)
        self.memory = other.memory

    def changes(self, row: int, pixels: np.ndarray) -> np.ndarray:
        """By how much the features (m, d) of one spot change with its patch."""
        wanted = [(row, hashlib.sha256(p.tobytes()).digest()) for p in pixels]
        own = (row, hashlib.sha256(self.patches[row].tobytes()).digest())
        given = dict(zip([own, *wanted], [self.patches[row], *pixels], strict=True))
        new = {key: p for key, p in given.items() if key not in self.memory}
        if new:
            found = self._encoded(row, np.stack(list(new.values())))
            self.memory.update(zip(new, found, strict=True))
        return np.stack([self.memory[key] for key in wanted]) - self.memory[own]

    def _predicted(
        self, section: str, held: np.ndarray, own: np.ndarray, changes: np.ndarray
    ) -> np.ndarray:
        """Target (m,) of the spots ``own`` of copies of a section."""
        count, size = len(own), len(held)
        copies = [f"copy {i}" for i in range(count)]
        features = np.asarray(self.adata.obsm[keys.MORPHOLOGY], dtype=float)[held]
        features = np.tile(features, (count, 1))
        at = own + np.arange(count) * size
        features[at] += changes
        obs = pd.DataFrame({keys.SECTION: np.repeat(copies, size)})
        obs.index = obs.index.astype(str)
        made = ad.AnnData(obs=obs)
        made.obsm[keys.MORPHOLOGY] = features
        points = contract.coordinates(self.adata)[held]
        made.obsm[keys.SPATIAL] = np.tile(points, (count, 1))
        library = self.adata.uns.get(keys.SPATIAL, {}).get(section, {})
        made.uns[keys.SPATIAL] = dict.fromkeys(copies, library)
        made.uns[keys.SETTINGS] = self.adata.uns[keys.SETTINGS]
        return self.model.predict(made, at) @ self.target.weights

    @cached_property
    def _slides(self) -> dict[str, Slide]:
        names = dict.fromkeys(self._names[self.spots])
        return {name: open_slide(self.adata, name, stain=self._stain) for name in names}

    @cached_property
    def _points(self) -> np.ndarray:
        """Centres (n, 2) of the explained spots in pixels of their image."""
        points = contract.coordinates(self.adata)[self.spots]
        for name, slide in self._slides.items():
            at = self._names[self.spots] == name
            points[at] = image_positions(slide, points[at], name)
        return points

    def _patches(self) -> np.ndarray:
        slides = [self._slides[name] for name in self._names[self.spots]]
        pixels = min(LARGEST, round(self.microns / slides[0].microns_per_pixel))
        grid = PatchGrid(self.microns, pixels)
        crops = [
            crop_patches(slide, point[None], grid)
            for slide, point in zip(slides, self._points, strict=True)
        ]
        return np.concatenate(crops)

    def _encoded(self, row: int, pixels: np.ndarray) -> np.ndarray:
        """Features (m, d) of the surroundings with other patches in the middle."""
        slide = self._slides[self._names[self.spots[row]]]
        whole = any(not e.batch for e, _ in self.encoders)
        micron = max(self.microns / 2, REACH_MICRONS if whole else 0.0)
        reach = int(np.ceil(micron / slide.microns_per_pixel)) + 1
        point = self._points[row]
        low, high = (np.floor(point).astype(int) + d for d in (-reach, reach + 1))
        if whole:
            low = _aligned(low, slide.microns_per_pixel)
        left, top = low
        around = slide.read(int(left), int(top), *(int(n) for n in high - low))
        centre = point - (left, top)
        scale = slide.microns_per_pixel
        pictures = [_pasted(around, p, centre, self.microns, scale) for p in pixels]
        changed = [Slide(picture, 1.0, scale) for picture in pictures]
        blocks = []
        for encoder, side in self.encoders:
            if encoder.batch:
                grid = PatchGrid(side, encoder.pixels(side))
                crops = [crop_patches(one, centre[None], grid) for one in changed]
                blocks.append(encoder.encode(np.concatenate(crops)))
            else:
                found = [encoder.encode(one, centre[None]) for one in changed]
                blocks.append(np.concatenate(found))
        return np.concatenate(blocks, axis=1).astype(float)


def _aligned(corner: np.ndarray, um_per_px: float) -> np.ndarray:
    """Nearest corner before this one that lies on the grid of the whole section.

    Filters at coarse scales read an image that was halved several times; cut
    elsewhere, its pixels would hold other parts of the tissue.
    """
    step = COARSEST * FINEST_MICRONS / um_per_px
    return np.round(np.floor(corner / step) * step).astype(int)


def _pasted(
    around: np.ndarray,
    patch: np.ndarray,
    centre: np.ndarray,
    microns: float,
    um_per_px: float,
) -> np.ndarray:
    """Surroundings with a patch of so many microns around ``centre``."""
    side = max(1, round(microns / um_per_px))
    left, top = np.floor(centre - side / 2 + 0.5).astype(int)
    if len(patch) != side:
        zoom = (side / len(patch), side / len(patch), 1)
        patch = ndimage.zoom(patch, zoom, order=1, grid_mode=True, mode="nearest")
    out = around.copy()
    out[top : top + side, left : left + side] = patch
    return out


def _encoders(adata: AnnData) -> list[tuple[Encoder, float]]:
    """Encoders and sides in microns in the order of their columns."""
    settings = adata.uns[keys.SETTINGS][keys.MORPHOLOGY]
    columns, origin = feature_names(adata), list(settings["encoder"])
    found, at = [], 0
    while at < len(columns):
        encoder = find_encoder(str(origin[at]))
        size = 0.0
        if encoder.batch:
            side = re.search(r"_([\d.e+]+)um$", columns[at])
            assert side is not None
            size = float(side[1])
        found.append((encoder, size))
        at += len(encoder.columns)
    return found
