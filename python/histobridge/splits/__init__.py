"""Splitters for tissue: by patient, by section, by spatial blocks with a buffer.

The scikit-learn contract: ``split(adata)`` yields pairs of integer positions.
``splits(adata)`` yields the same as objects with a name and a leak audit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge.contract import ContractError
from histobridge.splits.audit import audit_split
from histobridge.splits.base import (
    Positions,
    Split,
    Splitter,
    distance_to,
    recorded_patch_um,
)
from histobridge.splits.given import SPLITTERS, SpatialFolds, spatial_folds
from histobridge.splits.groups import (
    LeaveOneGroupOut,
    LeaveOnePatientOut,
    LeaveOneSectionOut,
    LeaveOneSiteOut,
)
from histobridge.splits.matched import KNNDM, BufferedLeaveOneOut
from histobridge.splits.spatial import SpatialBlockKFold
from histobridge.splits.variogram import variogram_range

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = [
    "KNNDM",
    "SPLITTERS",
    "BufferedLeaveOneOut",
    "LeaveOneGroupOut",
    "LeaveOnePatientOut",
    "LeaveOneSectionOut",
    "LeaveOneSiteOut",
    "Positions",
    "SpatialBlockKFold",
    "SpatialFolds",
    "Split",
    "Splitter",
    "audit_split",
    "distance_to",
    "inner_splits",
    "recorded_patch_um",
    "spatial_folds",
    "variogram_range",
]


def inner_splits(
    adata: AnnData, spots: np.ndarray, seed: int, patch_um: float | None = None
) -> list[Positions]:
    """Folds inside training ``spots`` for choosing parameters.

    By patient where there are two, else by section, else by spatial blocks with a
    buffer, see ``SpatialBlockKFold`` for ``patch_um``. Positions refer to ``adata``.
    """
    part = adata[spots]
    for splitter in (
        LeaveOnePatientOut(),
        LeaveOneSectionOut(),
        SpatialBlockKFold(seed=seed, patch_um=patch_um),
    ):
        try:
            return [(spots[a], spots[b]) for a, b in splitter.split(part)]
        except ContractError:
            continue
    half = np.random.default_rng(seed).permutation(spots)
    cut = max(1, len(half) // 2)
    return [(half[:cut], half[cut:]), (half[cut:], half[:cut])] if cut > 1 else []
