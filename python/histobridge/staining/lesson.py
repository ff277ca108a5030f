"""What a virtual stain is taught from: patches, stained pixels, marker genes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, graphs, keys
from histobridge.contract import ContractError
from histobridge.images.colour import separate_stains
from histobridge.images.patches import PatchGrid, spot_patches
from histobridge.normalisation import log_normalise
from histobridge.resolution.grid import DIAMETER_PER_PITCH

if TYPE_CHECKING:
    from anndata import AnnData

STAINS = ("haematoxylin", "eosin", "dab", "intensity")


@dataclass(frozen=True)
class Wanted:
    """Channels that are asked for.

    Attributes
    ----------
    stains
        Names among ``STAINS``, of the picture ``target_image`` of every section.
    markers
        Channel -> genes whose standardised expression is averaged.
    """

    stains: tuple[str, ...] = ()
    markers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    target_image: str | None = None

    @property
    def names(self) -> list[str]:
        """Of all channels, stains first."""
        return [*self.stains, *self.markers]


@dataclass(frozen=True)
class View:
    """How the H&E is read: patch, picture and stain normalisation."""

    patch: PatchGrid
    image_id: str | None = None
    stain: str | None = None

    @property
    def pixel_microns(self) -> float:
        """Side of a pixel in microns."""
        return self.patch.microns / self.patch.pixels


@dataclass(frozen=True)
class Lesson:
    """Arrays of :class:`histobridge.nn.maps.MapBatch`, in standard units."""

    pixels: np.ndarray
    disc: np.ndarray
    maps: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: np.ndarray) -> Lesson:
        """Some patches."""
        parts = (self.pixels, self.disc, self.maps, self.values)
        return Lesson(*(part[rows] for part in parts))


def wanted_channels(
    adata: AnnData,
    channels: str | Sequence[str] | None,
    genes: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None,
    target_image: str | None,
) -> Wanted:
    """Read the arguments of the verb.

    Raises
    ------
    ContractError
        Nothing asked for; unknown stain; absent genes; one name twice.
    """
    stains = (channels,) if isinstance(channels, str) else tuple(channels or ())
    for name in stains:
        if name not in STAINS:
            raise ContractError("the name of a stain", repr(name), STAINS)
    if not isinstance(genes, Mapping):
        listed = [genes] if isinstance(genes, str) else list(genes or ())
        genes = {gene: (gene,) for gene in listed}
    markers = {
        str(name): (given,) if isinstance(given, str) else tuple(given)
        for name, given in genes.items()
    }
    for name, members in markers.items():
        absent = [gene for gene in members if gene not in adata.var_names]
        if absent or not members:
            found = f"none of {absent[:5]}" if members else "none"
            raise ContractError(f"genes of channel {name!r}", found, adata.var_names)
    wanted = Wanted(stains, markers, target_image)
    if not wanted.names:
        raise ContractError(f"channels among {STAINS}, or genes", "neither")
    if len(set(wanted.names)) < len(wanted.names):
        raise ContractError("channels of different names", f"{wanted.names}")
    return wanted


def stain_channel(pixels: np.ndarray, name: str) -> np.ndarray:
    """Amount of one stain in uint8 pixels (..., 3): (...,), from 0.

    Optical density after Ruifrok & Johnston (2001), or ``intensity``: brightness
    between 0 and 1, of a fluorescence picture.
    """
    if name == "intensity":
        return pixels.mean(axis=-1, dtype=np.float32) / 255
    found = separate_stains(pixels)[..., STAINS.index(name)]
    return np.maximum(found, 0)


def stain_patches(
    adata: AnnData, spots: np.ndarray, wanted: Wanted, patch: PatchGrid
) -> np.ndarray:
    """Amounts of the stains (n, stains, side, side) around ``spots``."""
    if not wanted.stains:
        return np.zeros((len(spots), 0, patch.pixels, patch.pixels), dtype=np.float32)
    pixels = spot_patches(adata, spots, patch, image_id=wanted.target_image)
    return np.stack([stain_channel(pixels, name) for name in wanted.stains], axis=1)


class MarkerScores:
    """Mean over marker genes of standardised log expression, fitted on some spots."""

    def __init__(self, markers: Mapping[str, Sequence[str]]):
        self.markers = dict(markers)
        self.genes = list(dict.fromkeys(g for m in self.markers.values() for g in m))

    def fit(self, adata: AnnData, spots: np.ndarray) -> MarkerScores:
        """Mean and spread of every gene over ``spots``."""
        values = self._logged(adata, spots)
        self.mean_, spread = values.mean(axis=0), values.std(axis=0)
        self.spread_ = np.where(spread > 0, spread, 1.0)
        return self

    def transform(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        """Scores (n, markers)."""
        if not self.markers:
            return np.zeros((len(spots), 0), dtype=np.float32)
        values = (self._logged(adata, spots) - self.mean_) / self.spread_
        table = pd.DataFrame(values, columns=self.genes)
        scores = [table[list(m)].mean(axis=1) for m in self.markers.values()]
        return np.column_stack(scores).astype(np.float32)

    def _logged(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        columns = pd.Index(adata.var_names).get_indexer(self.genes)
        return log_normalise(contract.counts(adata)[spots])[:, columns].toarray()


def spot_radius_microns(adata: AnnData, section: str) -> float:
    """Radius of a spot: as the section states, else 0.275 of the pitch."""
    rows = contract.sections(adata)[section]
    factors = adata.uns[keys.SPATIAL][section][keys.SCALE_FACTORS]
    stated = factors.get(keys.SPOT_DIAMETER)
    if stated:
        return float(stated) * contract.microns_per_pixel(adata, section) / 2
    return DIAMETER_PER_PITCH * graphs.pitch(graphs.positions_microns(adata)[rows]) / 2


def discs(adata: AnnData, spots: np.ndarray, view: View) -> np.ndarray:
    """Which pixels of a patch lie in its spot, bool (n, side, side)."""
    middle = (np.arange(view.patch.pixels) + 0.5 - view.patch.pixels / 2) ** 2
    apart = np.sqrt(middle[:, None] + middle) * view.pixel_microns
    names = contract.section_names(adata).to_numpy()[spots]
    out = np.zeros((len(spots), *apart.shape), dtype=bool)
    for section in dict.fromkeys(names):
        radius = max(spot_radius_microns(adata, section), view.pixel_microns)
        out[names == section] = apart <= radius
    return out


def read_lesson(
    adata: AnnData,
    spots: np.ndarray,
    wanted: Wanted,
    view: View,
    scores: MarkerScores,
) -> Lesson:
    """Patches around ``spots`` with what is known of them, in natural units."""
    return Lesson(
        spot_patches(adata, spots, view.patch, view.stain, view.image_id),
        discs(adata, spots, view),
        stain_patches(adata, spots, wanted, view.patch),
        scores.transform(adata, spots),
    )
