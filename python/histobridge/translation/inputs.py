"""What a network reads of an object, as one table of tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import graphs, keys
from histobridge.images.colour import colour_features
from histobridge.images.features import (
    morphology_columns,
    spot_features,
    standardised,
)
from histobridge.images.patches import PatchGrid, split_patches, spot_patches

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.nn.batch import Batch


@dataclass(frozen=True)
class Spots:
    """What a graph is built from: microns (n, 2), sections (n,), features (n, d)."""

    points: np.ndarray
    sections: np.ndarray
    features: np.ndarray | None


@dataclass(frozen=True)
class Near:
    """The ``k`` nearest spots of the section within some pitches."""

    pitches: float
    k: int

    def __call__(self, spots: Spots) -> sp.csr_matrix:
        """Graph (n, n)."""
        return graphs.near_graph(spots.points, spots.sections, self.pitches, self.k)


@dataclass(frozen=True)
class Alike:
    """The ``k`` spots of the section that look most alike."""

    k: int

    def __call__(self, spots: Spots) -> sp.csr_matrix:
        """Graph (n, n)."""
        assert spots.features is not None
        return graphs.knn_graph(spots.features, spots.sections, self.k)


@dataclass(frozen=True)
class Clustered:
    """Near spots, and stars around the medoids of clusters in space and in looks."""

    pitches: float
    k: int
    in_space: int
    in_features: int

    def __call__(self, spots: Spots) -> sp.csr_matrix:
        """Graph (n, n)."""
        assert spots.features is not None
        near = graphs.near_graph(spots.points, spots.sections, self.pitches, self.k)
        space = graphs.medoid_graph(spots.points, spots.sections, self.in_space)
        looks = graphs.medoid_graph(spots.features, spots.sections, self.in_features)
        return near.maximum(space).maximum(looks).tocsr()


Graph = Callable[[Spots], sp.csr_matrix]


@dataclass(frozen=True)
class Inputs:
    """What a network reads.

    Attributes
    ----------
    patch
        Side of the patch in microns and pixels; None where no pixel is read.
    stain
        Stain normalisation of the patches, see ``open_slide``.
    minitiles
        Patch of which nine tiles are described by colour and texture.
    features
        Whether ``obsm["morphology"]`` is read, standardised within sections.
    graphs
        Name -> builder of a graph.
    neighbours
        How many spots around each are handed over with their features.
    reach
        How far these may be, in pitches.
    """

    patch: PatchGrid | None = None
    stain: str | None = None
    minitiles: PatchGrid | None = None
    features: bool = False
    graphs: Mapping[str, Graph] = field(default_factory=dict)
    neighbours: int = 0
    reach: float = 1.6

    def table(self, adata: AnnData, rows: np.ndarray) -> Batch:
        """All that is seen of ``rows``, which are whole sections, of ``adata``."""
        import torch

        from histobridge.nn.batch import Batch

        codes = graphs.section_codes(adata)[rows]
        spots = Spots(
            graphs.positions_microns(adata)[rows], codes, self._features(adata, rows)
        )
        places, grid = _places(spots)
        table = Batch(
            section=torch.from_numpy(codes),
            position=torch.from_numpy(places).float(),
            grid=torch.from_numpy(grid),
        )
        if self.patch is not None:
            table.pixels = torch.from_numpy(
                spot_patches(adata, rows, self.patch, self.stain)
            )
        if self.minitiles is not None:
            tiles = _minitiles(adata, rows, self.minitiles, codes)
            table.tiles = torch.from_numpy(tiles).float()
        if spots.features is not None:
            table.features = torch.from_numpy(spots.features).float()
        for name, build in self.graphs.items():
            table.edges[name] = torch.from_numpy(_edges(build(spots)))
        if self.neighbours:
            near = Near(self.reach, self.neighbours)(spots)
            table.neighbours = torch.from_numpy(_listed(near, self.neighbours))
        return table

    def _features(self, adata: AnnData, rows: np.ndarray) -> np.ndarray | None:
        if not self.features:
            return None
        width = sum(len(c) for c in morphology_columns(adata).values())
        return spot_features(adata, np.arange(width), (1,), keys.MORPHOLOGY)[rows]


def whole_sections(adata: AnnData, spots: np.ndarray) -> np.ndarray:
    """Positions of all spots of the sections that hold some of ``spots``."""
    codes = graphs.section_codes(adata)
    return np.flatnonzero(np.isin(codes, np.unique(codes[spots])))


def _minitiles(
    adata: AnnData, rows: np.ndarray, grid: PatchGrid, sections: np.ndarray
) -> np.ndarray:
    """Colour and texture (n, 9, d) of nine tiles, standardised within sections."""
    tiles = split_patches(spot_patches(adata, rows, grid), 3)
    flat = colour_features(tiles.reshape(-1, *tiles.shape[2:]))
    flat = standardised(flat, np.repeat(sections, tiles.shape[1]))
    return flat.reshape(*tiles.shape[:2], -1)


def _places(spots: Spots) -> tuple[np.ndarray, np.ndarray]:
    """Microns from the middle of the section, and whole steps of one pitch."""
    places = np.array(spots.points, dtype=float)
    grid = np.zeros(places.shape, dtype=np.int64)
    for section in np.unique(spots.sections):
        rows = spots.sections == section
        low, high = places[rows].min(axis=0), places[rows].max(axis=0)
        step = graphs.pitch(places[rows])
        grid[rows] = np.round((places[rows] - low) / step).astype(np.int64)
        places[rows] -= (low + high) / 2
    return places, grid


def _edges(graph: sp.csr_matrix) -> np.ndarray:
    """(2, e): row of the neighbour, row of the spot that listens."""
    edges = graph.tocoo()
    return np.stack([edges.col, edges.row]).astype(np.int64)


def _listed(graph: sp.csr_matrix, k: int) -> np.ndarray:
    """Neighbours (n, k) of every row, -1 where there are fewer."""
    out = np.full((graph.shape[0], k), -1, dtype=np.int64)
    for row, (start, stop) in enumerate(
        zip(graph.indptr[:-1], graph.indptr[1:], strict=True)
    ):
        out[row, : stop - start] = graph.indices[start:stop]
    return out


def image_inputs(
    backbone: str, patch: PatchGrid, graphs: Mapping[str, Graph] | None = None
) -> Inputs:
    """Patches for a backbone, or features where the backbone is ``features``."""
    if backbone == "features":
        return Inputs(features=True, graphs=graphs or {})
    return Inputs(patch=patch, graphs=graphs or {})
