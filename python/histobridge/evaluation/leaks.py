"""The leak taxonomy: fourteen flags, and those that a split alone decides.

A flag is ``leak``, ``clean`` or ``unknown`` (what it needs was not handed over); it
is never ``clean`` because nobody looked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from histobridge import contract, graphs, keys
from histobridge.splits import audit_split

if TYPE_CHECKING:
    from anndata import AnnData

FLAGS = {
    "a": "sections of a test patient in training",
    "b": "the same tissue or library twice",
    "c": "genes chosen on test spots",
    "d": "normalisation fitted on test spots",
    "e": "test target smoothed or completed",
    "f": "test spots chose the checkpoint",
    "g": "best genes picked by test scores",
    "h": "sections pooled before correlating",
    "i": "correlation per spot over genes",
    "j": "depth explains the score",
    "k": "random spots of a section held out",
    "l": "target given as input",
    "m": "fixed pixels over mixed microns per pixel",
    "n": "test or validation spots in training",
}
"""Code of a leak -> what it is."""

LEAK, CLEAN, UNKNOWN = "leak", "clean", "unknown"

Finding = dict[str, Any]


def finding(flag: str, leaks: bool | None, value: float, detail: str) -> Finding:
    """One row of an audit; ``leaks=None`` when it could not be looked at."""
    status = UNKNOWN if leaks is None else LEAK if leaks else CLEAN
    return {
        "flag": flag,
        "leak": FLAGS[flag],
        "status": status,
        "value": float(value),
        "detail": detail,
    }


def split_findings(
    adata: AnnData,
    train: np.ndarray,
    test: np.ndarray,
    patch_microns: float | None = None,
    patch_px: float | None = None,
) -> list[Finding]:
    """Flags a, b, k, m and n, which need no prediction.

    Parameters
    ----------
    train, test
        Positions of spots.
    patch_microns, patch_px
        Side of the patches; in pixels where someone cropped in pixels.
    """
    facts = audit_split(adata, train, test, patch_microns=patch_microns)
    siblings, adjacent = facts["sibling_spots"], facts["adjacent_spots"]
    both, shared = facts["overlapping_spots"], facts["overlapping_patches"]
    copies = near_duplicates(adata, train, test)
    known = siblings >= 0
    twice = facts["duplicated_spots"] + (copies or 0)
    return [
        finding(
            "a",
            siblings > 0 if known else None,
            siblings,
            f"{siblings} test spots of patients in training"
            if known
            else f"obs[{keys.PATIENT!r}] absent or with gaps",
        ),
        finding(
            "b",
            twice > 0 if twice or copies is not None else None,
            twice,
            f"{facts['duplicated_spots']} equal count vectors, "
            f"{0 if copies is None else copies} nearer than two sequencings can be"
            if twice or copies is not None
            else "counts are not whole numbers",
        ),
        finding(
            "k",
            adjacent > 0.5 or shared > 0,
            adjacent,
            f"{adjacent:.0%} of test spots next to a training spot, "
            f"{shared:.0%} of test patches share pixels with a training patch",
        ),
        field_of_view(adata, patch_px),
        finding("n", both > 0, both, f"{both} spots on both sides"),
    ]


def near_duplicates(adata: AnnData, train: np.ndarray, test: np.ndarray) -> int | None:
    """Test spots whose counts are nearer to those of another section than chance.

    Of two independent Poisson counts of one rate, (x - y)^2 / (x + y) has mean 1 and
    variance 2 - 2 / (x + y) given x + y > 0; unequal rates only raise it. A pair far
    below is one library counted twice. The nearest training spot is found on random
    projections of the square roots of counts. ``None`` for fractional counts.
    """
    counts = sp.csr_matrix(contract.counts(adata))
    if (counts.data != np.round(counts.data)).any():
        return None
    sections = graphs.section_codes(adata)
    axes = np.random.default_rng(0).normal(size=(adata.n_vars, 16))
    places = np.sqrt(counts) @ axes
    found = 0
    for section in np.unique(sections[test]):
        mine = test[sections[test] == section]
        there = train[sections[train] != section]
        if len(there):
            _, near = graphs.nearest(places[there], 1, places[mine])
            score = poisson_score(counts[mine], counts[there[near[:, 0]]])
            found += int((score < -5).sum())
    return found


def poisson_score(x: sp.csr_matrix, y: sp.csr_matrix) -> np.ndarray:
    """Standardised distance (n,) of matching rows; strongly negative: copies."""
    total, apart = sp.csr_matrix(x + y), sp.csr_matrix(x - y)
    inverse = total.copy()
    inverse.data = 1.0 / total.data
    statistic = np.asarray(apart.multiply(apart).multiply(inverse).sum(axis=1)).ravel()
    terms = np.diff(total.indptr).astype(float)
    variance = 2 * terms - 2 * np.asarray(inverse.sum(axis=1)).ravel()
    return (statistic - terms) / np.sqrt(np.maximum(variance, 1.0))


def field_of_view(adata: AnnData, patch_px: float | None) -> Finding:
    """Flag m: whether one patch shows as many microns in every section.

    Microns per pixel as stated; where a section states none, from its pitch, which
    is taken to be that of the others. Differences above 5 % count.
    """
    points = contract.coordinates(adata)
    libraries = adata.uns.get(keys.SPATIAL, {})
    stated, pitches = [], []
    for name, spots in contract.sections(adata).items():
        factors = libraries.get(name, {}).get(keys.SCALE_FACTORS, {})
        stated.append(factors.get(keys.MICRONS_PER_PIXEL, np.nan))
        pitches.append(graphs.pitch(points[spots]))
    scale, pixels = np.array(stated, dtype=float), np.array(pitches)
    if patch_px is None and np.isfinite(scale).all():
        spread = _spread(scale * pixels)
        detail = f"patches in microns; pitch in microns differs {spread:.2f}-fold"
        return finding("m", spread > 1.05, spread, detail)
    if patch_px is None:
        return finding("m", None, np.nan, "microns per pixel not stated everywhere")
    view = patch_px * (scale if np.isfinite(scale).all() else 1 / pixels)
    spread = _spread(view)
    detail = f"fields of {patch_px:g} pixels differ {spread:.2f}-fold in microns"
    return finding("m", spread > 1.05, spread, detail)


def _spread(values: np.ndarray) -> float:
    return float(values.max() / values.min())
