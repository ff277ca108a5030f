"""Splitters for tissue: by patient, by section, by spatial blocks with a buffer.

The scikit-learn contract: ``split(adata)`` yields pairs of integer positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, graphs, keys
from histobridge.contract import ContractError

if TYPE_CHECKING:
    from anndata import AnnData

Positions = tuple[np.ndarray, np.ndarray]


class LeaveOneGroupOut:
    """Leave out one level of an ``obs`` column after the other.

    Parameters
    ----------
    key
        ``obs`` column.
    what
        How errors call it.
    """

    def __init__(self, key: str, what: str = "group"):
        self.key = key
        self.what = what

    def groups(self, adata: AnnData) -> pd.Series:
        """Group of every spot."""
        column = contract.obs_column(adata, self.key, self.what)
        if column.isna().any():
            raise ContractError(
                f"a {self.what} for every spot", f"{int(column.isna().sum())} missing"
            )
        return column.astype(str)

    def get_n_splits(self, adata: AnnData, y: None = None, groups: None = None) -> int:
        """Return the number of groups."""
        return self.groups(adata).nunique()

    def split(
        self, adata: AnnData, y: None = None, groups: None = None
    ) -> Iterator[Positions]:
        """Yield (train, test) positions, groups in order of first appearance.

        Raises
        ------
        ContractError
            When the column is absent, has missing values or a single level.
        """
        codes, levels = pd.factorize(self.groups(adata))
        if len(levels) < 2:
            raise ContractError(
                f"at least two levels of {self.what}", f"only {list(levels)}"
            )
        for code in range(len(levels)):
            yield np.flatnonzero(codes != code), np.flatnonzero(codes == code)


class LeaveOneSectionOut(LeaveOneGroupOut):
    """Leave one tissue section out; siblings of its patient stay in training."""

    def __init__(self, key: str = keys.SECTION):
        super().__init__(key, "section")

    def groups(self, adata: AnnData) -> pd.Series:
        """Section of every spot."""
        if self.key == keys.SECTION:
            return contract.section_names(adata)
        return super().groups(adata)


class LeaveOnePatientOut(LeaveOneGroupOut):
    """Leave all sections of one patient out; the patient column is mandatory.

    A section must not hold spots of two patients.
    """

    def __init__(self, key: str = keys.PATIENT):
        super().__init__(key, "patient")


class SpatialBlockKFold:
    """K folds of square spatial blocks; training spots near a test spot are dropped.

    Blocks are laid per section and dealt to the folds so that folds are of like
    size. A training spot of the same section nearer than the buffer to any test
    spot is left out of both sides (Roberts et al. 2017, Ecography 40:913).

    Parameters
    ----------
    n_splits
        Folds.
    block_um
        Side of a block in microns; default five pitches.
    buffer_um
        Default ``patch_um`` + the largest pitch of a section, and at least the
        diagonal of a patch, so that no patch is shared.
    patch_um
        Side of the patches in use; default the largest recorded by
        ``add_morphology``, else 200.
    seed
        Of the dealing.
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        block_um: float | None = None,
        buffer_um: float | None = None,
        patch_um: float | None = None,
        seed: int = 0,
    ):
        self.n_splits = n_splits
        self.block_um = block_um
        self.buffer_um = buffer_um
        self.patch_um = patch_um
        self.seed = seed

    def get_n_splits(self, adata: None = None, y: None = None, groups: None = None):
        """Return the number of folds."""
        return self.n_splits

    def blocks(self, adata: AnnData) -> np.ndarray:
        """Block of every spot, numbered over all sections."""
        points = graphs.positions_um(adata)
        blocks = np.empty(adata.n_obs, dtype=int)
        start = 0
        for spots in contract.sections(adata).values():
            side = self.block_um or 5 * graphs.pitch(points[spots])
            # Centring the lattice keeps slivers off one edge of the tissue.
            inside = points[spots] - points[spots].min(axis=0)
            extent = inside.max(axis=0)
            count = np.maximum(np.ceil(extent / side - 1e-9), 1)
            cell = np.floor((inside + (count * side - extent) / 2) / side)
            cell = np.clip(cell, 0, count - 1).astype(int)
            code = np.unique(cell[:, 0] * 100_000 + cell[:, 1], return_inverse=True)[1]
            blocks[spots] = start + code
            start += int(code.max()) + 1
        return blocks

    def folds(self, adata: AnnData) -> np.ndarray:
        """Fold of every spot, 0 to ``n_splits - 1``."""
        blocks = self.blocks(adata)
        sections = graphs.section_codes(adata)
        rng = np.random.default_rng(self.seed)
        folds = np.empty(adata.n_obs, dtype=int)
        total = np.zeros(self.n_splits)
        for section in np.unique(sections):
            present, sizes = np.unique(blocks[sections == section], return_counts=True)
            load = np.zeros(self.n_splits)
            shuffled = rng.permutation(len(present))
            # Largest first onto the emptiest fold keeps the folds of like size.
            for i in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
                # Ties go by all sections: few blocks each must not leave a fold empty.
                fold = int(np.lexsort((total, load))[0])
                folds[blocks == present[i]] = fold
                load[fold] += sizes[i]
                total[fold] += sizes[i]
        return folds

    def buffer(self, adata: AnnData) -> float:
        """Buffer in microns."""
        if self.buffer_um is not None:
            return self.buffer_um
        points = graphs.positions_um(adata)
        # Per section: spots of two sections can lie on the same coordinates.
        pitches = [graphs.pitch(points[s]) for s in contract.sections(adata).values()]
        patch = self.patch_um or recorded_patch_um(adata)
        if not graphs.has_microns(adata):
            # Without a scale a patch has no size here; the pitch stands for it.
            patch = max(pitches)
        return float(max(patch + max(pitches), np.sqrt(2) * patch))

    def split(
        self, adata: AnnData, y: None = None, groups: None = None
    ) -> Iterator[Positions]:
        """Yield (train, test) positions.

        Raises
        ------
        ContractError
            When a fold would leave no training spot: blocks or buffer too large
            for the tissue.
        """
        folds = self.folds(adata)
        points, sections = graphs.positions_um(adata), graphs.section_codes(adata)
        buffer = self.buffer(adata)
        for fold in range(self.n_splits):
            test = np.flatnonzero(folds == fold)
            others = np.flatnonzero(folds != fold)
            distance = distance_to(points, sections, others, test)
            train = others[distance > buffer]
            if not len(test) or not len(train):
                raise ContractError(
                    f"{self.n_splits} folds with spots on both sides "
                    f"(buffer {buffer:g} um)",
                    f"fold {fold}: {len(train)} train, {len(test)} test spots",
                )
            yield train, test


def distance_to(
    points: np.ndarray, sections: np.ndarray, spots: np.ndarray, others: np.ndarray
) -> np.ndarray:
    """Distance of each of ``spots`` to the nearest of ``others`` in its section.

    Infinite where the section holds none of ``others``.
    """
    distance = np.full(len(spots), np.inf)
    for section in np.unique(sections[spots]):
        mine = np.flatnonzero(sections[spots] == section)
        there = others[sections[others] == section]
        if len(there):
            found, _ = graphs.nearest(points[there], 1, points[spots[mine]])
            distance[mine] = found[:, 0]
    return distance


def recorded_patch_um(adata: AnnData, fallback: float = 200.0) -> float:
    """Largest patch side that ``add_morphology`` recorded."""
    settings = adata.uns.get(keys.SETTINGS, {}).values()
    sides = [
        side
        for entry in settings
        if isinstance(entry, dict)
        for side in np.atleast_1d(entry.get("patch_um", []))
    ]
    return float(max(sides, default=fallback))


def inner_splits(adata: AnnData, spots: np.ndarray, seed: int) -> list[Positions]:
    """Folds inside training ``spots`` for choosing parameters.

    By patient where there are two, else by section, else by spatial blocks with a
    buffer. Positions refer to ``adata``.
    """
    part = adata[spots]
    for splitter in (
        LeaveOnePatientOut(),
        LeaveOneSectionOut(),
        SpatialBlockKFold(seed=seed),
    ):
        try:
            return [(spots[a], spots[b]) for a, b in splitter.split(part)]
        except ContractError:
            continue
    half = np.random.default_rng(seed).permutation(spots)
    cut = max(1, len(half) // 2)
    return [(half[:cut], half[cut:]), (half[cut:], half[:cut])] if cut > 1 else []
