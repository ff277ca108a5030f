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
    recorded_patch_microns,
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
    "honest_splits",
    "inner_splits",
    "recorded_patch_microns",
    "spatial_folds",
    "variogram_range",
]

ENOUGH = 20
"""Spots that every inner fold of patients or sections must train on."""


def inner_splits(
    adata: AnnData, spots: np.ndarray, seed: int, patch_microns: float | None = None
) -> list[Positions]:
    """Folds inside training ``spots`` for choosing parameters.

    Those of :func:`honest_splits`; random halves of tissue too small for them.
    """
    folds = honest_splits(adata, spots, seed, patch_microns)
    if folds:
        return folds
    half = np.random.default_rng(seed).permutation(spots)
    cut = max(1, len(half) // 2)
    return [(half[:cut], half[cut:]), (half[cut:], half[:cut])] if cut > 1 else []


def honest_splits(
    adata: AnnData, spots: np.ndarray, seed: int, patch_microns: float | None = None
) -> list[Positions]:
    """Folds inside training ``spots`` that do not leak; none for too small tissue.

    By patient where there are two, else by section, else by spatial blocks with a
    buffer, see ``SpatialBlockKFold`` for ``patch_microns``. Patients and sections count
    where every fold leaves 20 spots to train on: what a handful of spots teaches says
    nothing of a model of all. Positions refer to ``adata``.
    """
    part = adata[spots]
    for splitter, least in (
        (LeaveOnePatientOut(), ENOUGH),
        (LeaveOneSectionOut(), ENOUGH),
        (SpatialBlockKFold(seed=seed, patch_microns=patch_microns), 1),
    ):
        try:
            folds = [(spots[a], spots[b]) for a, b in splitter.split(part)]
        except ContractError:
            continue
        if min(len(train) for train, _ in folds) >= least:
            return folds
    return []
