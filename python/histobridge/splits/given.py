"""Folds as data: made here or by someone else, kept, handed over, used again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import contract
from histobridge.contract import ContractError
from histobridge.splits.base import Positions, Splitter
from histobridge.splits.groups import (
    LeaveOneGroupOut,
    LeaveOnePatientOut,
    LeaveOneSectionOut,
    LeaveOneSiteOut,
)
from histobridge.splits.matched import KNNDM, BufferedLeaveOneOut
from histobridge.splits.spatial import SpatialBlockKFold

if TYPE_CHECKING:
    from anndata import AnnData

SPLITTERS: dict[str, type[Splitter]] = {
    "blocks": SpatialBlockKFold,
    "section": LeaveOneSectionOut,
    "patient": LeaveOnePatientOut,
    "site": LeaveOneSiteOut,
    "group": LeaveOneGroupOut,
    "spot": BufferedLeaveOneOut,
    "distance": KNNDM,
}
"""What folds are made by -> splitter."""

TEST, DROPPED = "test", "dropped"


class SpatialFolds(Splitter):
    """Splits of named spots, whoever made them.

    Parameters
    ----------
    spots
        Names of all spots.
    test, dropped
        Split -> positions of spots that are tested, and that are on neither side.
        All others are trained on.
    audit
        One row per split, see :func:`audit_split`; empty where nobody computed it.
    """

    def __init__(
        self,
        spots: Sequence[str],
        test: Mapping[str, np.ndarray],
        dropped: Mapping[str, np.ndarray] | None = None,
        audit: pd.DataFrame | None = None,
    ):
        self.spots = pd.Index([str(spot) for spot in spots])
        self.test = {str(name): np.asarray(t, dtype=int) for name, t in test.items()}
        gone = dropped or {}
        self.dropped = {
            name: np.asarray(gone.get(name, []), dtype=int) for name in self.test
        }
        self.audit = pd.DataFrame() if audit is None else audit

    @classmethod
    def of_members(
        cls,
        spots: Sequence[str],
        names: Sequence[str],
        split: np.ndarray,
        spot: np.ndarray,
        role: Sequence[str],
    ) -> SpatialFolds:
        """Folds of the table that :attr:`members` is."""
        frame = pd.DataFrame(
            {
                "split": np.atleast_1d(split).astype(int),
                "spot": np.atleast_1d(spot).astype(int),
                "role": np.atleast_1d(np.asarray(role, dtype=object)),
            }
        )
        of_role = [
            {
                name: frame.loc[(frame["split"] == i) & (frame["role"] == r), "spot"]
                for i, name in enumerate(names)
            }
            for r in (TEST, DROPPED)
        ]
        return cls(spots, *of_role)

    @classmethod
    def of_labels(cls, adata: AnnData, labels: Sequence[Any]) -> SpatialFolds:
        """Folds of one label per spot: each label is tested once, missing ones never.

        Raises
        ------
        ContractError
            Another number of labels than spots, or fewer than two of them.
        """
        codes, levels = pd.factorize(np.asarray(labels, dtype=object), sort=True)
        if len(codes) != adata.n_obs or len(levels) < 2:
            raise ContractError(
                f"two folds or more, one for each of {adata.n_obs} spots",
                f"{len(codes)} labels with {len(levels)} levels",
            )
        test = {f"fold {v}": np.flatnonzero(codes == i) for i, v in enumerate(levels)}
        return cls(adata.obs_names, test)

    @property
    def members(self) -> pd.DataFrame:
        """``split`` and ``spot`` (positions) with ``role``; training is the rest."""
        parts = [
            pd.DataFrame({"split": i, "spot": spots, "role": role})
            for i, name in enumerate(self.test)
            for role, spots in (
                (TEST, self.test[name]),
                (DROPPED, self.dropped[name]),
            )
        ]
        return pd.concat(parts, ignore_index=True)

    def get_n_splits(
        self, adata: AnnData | None = None, y: None = None, groups: None = None
    ) -> int:
        """Return the number of splits."""
        return len(self.test)

    def name_of(self, adata: AnnData, index: int, test: np.ndarray) -> str:
        """The name it was given."""
        return list(self.test)[index]

    def split(
        self, adata: AnnData, y: None = None, groups: None = None
    ) -> Iterator[Positions]:
        """Yield (train, test) positions in ``adata``.

        Raises
        ------
        ContractError
            When the spots are others, or a side of a split is empty.
        """
        contract.unique_names(adata)
        place = adata.obs_names.get_indexer(self.spots)
        if (place < 0).any() or len(place) != adata.n_obs:
            raise ContractError(
                f"the {len(self.spots)} spots that the folds were made for",
                f"{adata.n_obs} spots, {int((place < 0).sum())} of theirs absent",
            )
        for name, test in self.test.items():
            away = np.union1d(test, self.dropped[name])
            train = np.setdiff1d(np.arange(len(place)), away)
            if not len(test) or not len(train):
                raise ContractError(
                    "spots on both sides of every split",
                    f"{name}: {len(train)} train, {len(test)} test spots",
                )
            yield np.sort(place[train]), np.sort(place[test])


def spatial_folds(
    adata: AnnData, by: str = "blocks", *, audit: bool = True, **settings: Any
) -> SpatialFolds:
    """Make folds once, with the audit of each split, to keep or hand over.

    Reads positions, sections and the column that ``by`` names; writes nothing.

    Parameters
    ----------
    by
        ``blocks`` (spatial blocks with a buffer), ``section``, ``patient``,
        ``site``, ``group`` (any column, ``key=``), ``spot`` (one after the other,
        with a buffer) or ``distance`` (kNN distance matching).
    audit
        Whether to compute what each split leaks.
    settings
        Of the splitter, e.g. ``n_splits``, ``block_microns``, ``shape``,
        ``balance_by``, ``buffer_microns``, ``seed``.

    Raises
    ------
    ContractError
        Unknown ``by`` or setting; whatever the splitter needs.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb()
    >>> folds = hb.evaluation.spatial_folds(bulb, "blocks", n_splits=3)
    >>> folds.audit["leaks"].tolist()
    ['', '', '']
    """
    import inspect

    if by not in SPLITTERS:
        raise ContractError("what folds are made by", repr(by), SPLITTERS)
    takes = inspect.signature(SPLITTERS[by]).parameters
    unknown = [name for name in settings if name not in takes]
    if unknown:
        raise ContractError(f"settings of folds by {by}", unknown, takes)
    splits = list(SPLITTERS[by](**settings).splits(adata))
    everything = np.arange(adata.n_obs)
    rows = [{"split": s.name, **s.audit} for s in splits] if audit else []
    return SpatialFolds(
        adata.obs_names,
        {s.name: s.test for s in splits},
        {s.name: np.setdiff1d(everything, np.union1d(s.train, s.test)) for s in splits},
        pd.DataFrame(rows),
    )
