"""What every splitter shares: named splits that carry their audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import graphs, keys

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
    patch_um: float | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        yield self.train
        yield self.test

    @cached_property
    def audit(self) -> dict[str, Any]:
        """What the split leaks, see ``audit_split``; computed when first read."""
        from histobridge.splits.audit import audit_split

        found = audit_split(self.adata, self.train, self.test, patch_um=self.patch_um)
        return {**found, **self.facts}


class Splitter:
    """Base of the splitters: ``split`` for scikit-learn, ``splits`` with audits."""

    patch_um: float | None = None

    def get_n_splits(
        self, adata: AnnData | None = None, y: None = None, groups: None = None
    ) -> int:
        """Return the number of splits."""
        raise NotImplementedError

    def split(
        self, adata: AnnData, y: None = None, groups: None = None
    ) -> Iterator[Positions]:
        """Yield (train, test) positions."""
        raise NotImplementedError

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
            yield Split(name, train, test, adata, facts, self.patch_um)


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


def default_buffer_um(adata: AnnData, patch_um: float | None) -> float:
    """Patch + the largest pitch of a section, at least the diagonal of a patch."""
    points = graphs.positions_um(adata)
    # Per section: spots of two sections can lie on the same coordinates.
    sections = graphs.section_codes(adata)
    pitches = [graphs.pitch(points[sections == s]) for s in np.unique(sections)]
    patch = patch_um or recorded_patch_um(adata)
    if not graphs.has_microns(adata):
        # Without a scale a patch has no size here; the pitch stands for it.
        patch = max(pitches)
    return float(max(patch + max(pitches), np.sqrt(2) * patch))
