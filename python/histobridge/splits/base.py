"""What every splitter shares: test spots, a buffer around them, an audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import graphs, keys
from histobridge.contract import ContractError

if TYPE_CHECKING:
    from anndata import AnnData

Positions = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Split:
    """One split of ``adata``; unpacks as ``train, test``.

    Attributes
    ----------
    name
        E.g. ``test P1`` or ``fold 2``.
    train, test
        Positions of spots.
    facts
        What the splitter adds to the audit, e.g. the balance of classes.
    """

    name: str
    train: np.ndarray
    test: np.ndarray
    adata: AnnData = field(repr=False, compare=False)
    facts: dict[str, float] = field(default_factory=dict)
    patch_microns: float | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        yield self.train
        yield self.test

    @cached_property
    def audit(self) -> dict[str, Any]:
        """What the split leaks, see ``audit_split``; computed when first read."""
        from histobridge.splits.audit import audit_split

        found = audit_split(
            self.adata, self.train, self.test, patch_microns=self.patch_microns
        )
        return {**found, **self.facts}


class Splitter:
    """Base of the splitters: ``split`` for scikit-learn, ``splits`` with audits.

    A subclass says which spots each split tests (:meth:`test_sets`) and how far
    training spots of the same section must stay away (:meth:`buffer`).
    """

    buffer_microns: float | None = 0.0
    patch_microns: float | None = None

    def get_n_splits(
        self, adata: AnnData | None = None, y: None = None, groups: None = None
    ) -> int:
        """Return the number of splits."""
        raise NotImplementedError

    def test_sets(self, adata: AnnData) -> Iterator[np.ndarray]:
        """Yield the positions that each split tests."""
        raise NotImplementedError

    def buffer(self, adata: AnnData) -> float:
        """Least distance of training from test spots in microns; 0 for none."""
        if self.buffer_microns is not None:
            return self.buffer_microns
        return default_buffer_microns(adata, self.patch_microns)

    def split(
        self, adata: AnnData, y: None = None, groups: None = None
    ) -> Iterator[Positions]:
        """Yield (train, test) positions.

        Raises
        ------
        ContractError
            When a side of a split would be empty: blocks or buffer too large for
            the tissue, or groups that are not there.
        """
        buffer = self.buffer(adata)
        places = (graphs.positions_microns(adata), graphs.section_codes(adata))
        for index, test in enumerate(self.test_sets(adata)):
            train = np.setdiff1d(np.arange(adata.n_obs), test)
            if buffer > 0:
                train = train[distance_to(*places, train, test) > buffer]
            if not len(test) or not len(train):
                raise ContractError(
                    f"every split with spots on both sides (buffer {buffer:g} um)",
                    f"{self.name_of(adata, index, test)}: {len(train)} train, "
                    f"{len(test)} test spots",
                )
            yield train, test

    def name_of(self, adata: AnnData, index: int, test: np.ndarray) -> str:
        """Name of a split."""
        return f"fold {index + 1}"

    def facts_of(
        self, adata: AnnData, train: np.ndarray, test: np.ndarray
    ) -> dict[str, float]:
        """What this splitter adds to the audit of a split."""
        return {}

    def splits(self, adata: AnnData) -> Iterator[Split]:
        """Yield splits that carry a name and their audit."""
        for index, (train, test) in enumerate(self.split(adata)):
            name = self.name_of(adata, index, test)
            facts = self.facts_of(adata, train, test)
            yield Split(name, train, test, adata, facts, self.patch_microns)


class KFoldSplitter(Splitter):
    """Base of the splitters that give every spot one of ``n_splits`` folds."""

    n_splits: int

    def get_n_splits(
        self, adata: AnnData | None = None, y: None = None, groups: None = None
    ) -> int:
        """Return the number of folds."""
        return self.n_splits

    def folds(self, adata: AnnData) -> np.ndarray:
        """Fold of every spot, 0 to ``n_splits - 1``."""
        raise NotImplementedError

    def test_sets(self, adata: AnnData) -> Iterator[np.ndarray]:
        """Yield the spots of each fold."""
        folds = self.folds(adata)
        for fold in range(self.n_splits):
            yield np.flatnonzero(folds == fold)


def whole(value: Any, least: int, what: str) -> int:
    """A whole number, however it is written.

    Raises
    ------
    ContractError
        When it is less than ``least``, or no whole number.
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    # Neither NaN nor infinity is its own floor.
    if not number or value % 1 != 0 or value < least:
        raise ContractError(f"{what}, a whole number of at least {least}", value)
    return int(value)


def deal(
    counts: np.ndarray,
    rng: np.random.Generator,
    load: np.ndarray,
    total: np.ndarray,
    scale: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Deal blocks to folds, largest first, each onto the emptiest fold.

    Parameters
    ----------
    counts
        (blocks, classes) spots of each class in each block.
    load
        (folds, classes) what the folds hold; added to.
    total
        (folds,) spots over all sections, which decide ties; added to.
    scale
        (classes,) what one spot of each class counts.

    Returns
    -------
    Fold of every block (blocks,).
    """
    sizes = counts.sum(axis=1)
    order = rng.permutation(len(counts))
    fold_of = np.empty(len(counts), dtype=int)
    for block in order[np.argsort(-sizes[order], kind="stable")]:
        # What the sum of squared loads grows by.
        cost = (load * counts[block] * scale).sum(axis=1)
        # Ties go by all sections: few blocks each must not leave a fold empty.
        fold = int(np.lexsort((total, cost))[0])
        load[fold] += counts[block]
        total[fold] += sizes[block]
        fold_of[block] = fold
    return fold_of


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


def recorded_patch_microns(adata: AnnData, fallback: float = 200.0) -> float:
    """Largest patch side that ``add_morphology`` recorded."""
    settings = adata.uns.get(keys.SETTINGS, {}).values()
    sides = [
        side
        for entry in settings
        if isinstance(entry, dict)
        for side in np.atleast_1d(entry.get("patch_microns", []))
    ]
    return float(max(sides, default=fallback))


def default_buffer_microns(adata: AnnData, patch_microns: float | None) -> float:
    """Patch + the largest pitch of a section, at least the diagonal of a patch."""
    patch, pitch = patch_side(adata, patch_microns), _largest_pitch(adata)
    return float(max(patch + pitch, np.sqrt(2) * patch))


def patch_side(adata: AnnData, patch_microns: float | None) -> float:
    """Side of a patch in units of the positions; default the largest recorded.

    Without a scale a patch has no size there: the pitch stands for it.
    """
    if not graphs.has_microns(adata):
        return _largest_pitch(adata)
    return recorded_patch_microns(adata) if patch_microns is None else patch_microns


def _largest_pitch(adata: AnnData) -> float:
    points = graphs.positions_microns(adata)
    # Per section: spots of two sections can lie on the same coordinates.
    sections = graphs.section_codes(adata)
    return max(graphs.pitch(points[sections == s]) for s in np.unique(sections))
