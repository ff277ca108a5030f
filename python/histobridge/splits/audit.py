"""What a split leaks, computed instead of trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, graphs, keys
from histobridge.splits.base import distance_to, patch_side

if TYPE_CHECKING:
    from anndata import AnnData


def audit_split(
    adata: AnnData,
    train: np.ndarray,
    test: np.ndarray,
    *,
    patch_microns: float | None = None,
    patient_key: str = keys.PATIENT,
) -> dict[str, Any]:
    """Measure the ways in which training spots could betray test spots.

    Parameters
    ----------
    train, test
        Positions of spots.
    patch_microns
        Side of the image patches; default what ``add_morphology`` recorded.
    patient_key
        ``obs`` column of patients.

    Returns
    -------
    ``n_train``, ``n_test``, ``n_dropped``; ``min_distance_microns`` and
    ``median_distance_microns`` between a test spot and the nearest training spot of its
    section (infinite when it has none); ``adjacent_spots``: share of test spots with
    a training spot within 1.5 pitches, near 1 in a random split; ``sibling_spots``:
    test spots whose section is not in training but whose patient is (-1 when none is
    known and patients are not known of all spots);
    ``overlapping_patches``: share of test patches that share pixels with a training
    patch; ``shared_sections``, ``shared_patients`` (-1 likewise),
    ``duplicated_spots``: test spots whose count vector occurs in training;
    ``overlapping_spots``: spots on both sides; ``leaks``: names of what is wrong.
    """
    patch = patch_side(adata, patch_microns)
    points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
    distance = distance_to(points, sections, test, train)
    result: dict[str, Any] = {
        "n_train": len(train),
        "n_test": len(test),
        "n_dropped": adata.n_obs - len(np.union1d(train, test)),
        "overlapping_spots": len(np.intersect1d(train, test)),
        "min_distance_microns": float(distance.min(initial=np.inf)),
        "median_distance_microns": float(np.median(distance)) if len(test) else np.inf,
        "adjacent_spots": _adjacent(points, sections, test, distance),
        "sibling_spots": _siblings(adata, sections, train, test, patient_key),
        "overlapping_patches": _overlapping(points, sections, train, test, patch),
        "shared_sections": len(np.intersect1d(sections[train], sections[test])),
        "shared_patients": _shared_patients(adata, train, test, patient_key),
        "duplicated_spots": _duplicates(contract.counts(adata), train, test),
    }
    result["leaks"] = ", ".join(
        name
        for name in ("overlapping_spots", "overlapping_patches", "duplicated_spots")
        if result[name] > 0
    )
    return result


def _adjacent(
    points: np.ndarray, sections: np.ndarray, test: np.ndarray, distance: np.ndarray
) -> float:
    pitch = np.ones(sections.max(initial=0) + 1)
    for section in np.unique(sections[test]):
        pitch[section] = graphs.pitch(points[sections == section])
    near = distance <= 1.5 * pitch[sections[test]]
    return float(near.mean()) if len(test) else 0.0


def _siblings(
    adata: AnnData, sections: np.ndarray, train: np.ndarray, test: np.ndarray, key: str
) -> int:
    codes = _patient_codes(adata, key)
    if (codes < 0).all():
        return -1
    new = test[~np.isin(sections[test], sections[train])]
    found = int((np.isin(codes[new], codes[train]) & (codes[new] >= 0)).sum())
    gaps = (codes[new] < 0).any() or (len(new) > 0 and (codes[train] < 0).any())
    return -1 if gaps and not found else found


def _patient_codes(adata: AnnData, key: str) -> np.ndarray:
    """Number of the patient of every spot, -1 where nobody says."""
    if key not in adata.obs:
        return np.full(adata.n_obs, -1)
    return pd.factorize(adata.obs[key])[0]


def _overlapping(
    points: np.ndarray,
    sections: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    patch: float,
) -> float:
    hit = np.zeros(len(test), dtype=bool)
    for section in np.unique(sections[test]):
        mine = np.flatnonzero(sections[test] == section)
        there = train[sections[train] == section]
        if len(there):
            # Squares overlap when centres are nearer than a side along both axes.
            queries = points[test[mine]]
            apart, _ = graphs.nearest(points[there], 1, queries, "chebyshev")
            hit[mine] = apart[:, 0] < patch - 1e-6
    return float(hit.mean()) if len(hit) else 0.0


def _shared_patients(
    adata: AnnData, train: np.ndarray, test: np.ndarray, key: str
) -> int:
    codes = _patient_codes(adata, key)
    found = len(set(codes[train]) & set(codes[test]) - {-1})
    gaps = (codes[np.concatenate([train, test])] < 0).any()
    return -1 if gaps and not found else found


def _duplicates(
    counts: sp.csr_matrix | np.ndarray, train: np.ndarray, test: np.ndarray
) -> int:
    matrix = sp.csr_matrix(counts)
    seen = set(_row_hashes(matrix, train)) - {None}
    return sum(h in seen for h in _row_hashes(matrix, test))


def _row_hashes(matrix: sp.csr_matrix, rows: np.ndarray) -> list[bytes | None]:
    import hashlib

    out: list[bytes | None] = []
    for row in rows:
        start, stop = matrix.indptr[row], matrix.indptr[row + 1]
        order = np.argsort(matrix.indices[start:stop], kind="stable")
        # A handful of counts can coincide by chance; a profile cannot.
        if stop - start < 20:
            out.append(None)
            continue
        sha = hashlib.sha256(matrix.indices[start:stop][order].tobytes())
        sha.update(matrix.data[start:stop][order].astype(float).tobytes())
        out.append(sha.digest())
    return out
