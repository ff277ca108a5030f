"""Few directions in place of many columns: of wide features, and of many genes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from histobridge.images.features import leading_axes, spot_features

if TYPE_CHECKING:
    from anndata import AnnData

WIDE = 200
"""Features of more columns than this enter by their leading components."""

KEPT = 100
"""How many components those are."""

MOST_SPOTS = 1500
"""Training spots, evenly spaced, from which components are worked out."""


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of ``rows``, evenly spaced."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int)]


class _Last:
    """Remembers the last answer for the same array: members of one model share it."""

    def __init__(self) -> None:
        self.of: Callable[[], np.ndarray | None] = lambda: None
        self.count, self.answer = 0, np.empty(0)

    def __call__(self, target: np.ndarray, count: int) -> np.ndarray:
        if self.of() is not target or self.count != count:
            part = target[evenly(np.arange(len(target)), MOST_SPOTS)]
            axes = leading_axes(part - part.mean(axis=0), count)
            self.of, self.count = weakref.ref(target), count
            self.answer = axes.astype(target.dtype)
        return self.answer


_shared_axes = _Last()


def wide_axes(
    adata: AnnData, spots: np.ndarray, columns: np.ndarray, key: str
) -> np.ndarray | None:
    """Directions (n_columns, 100) that stand for wide features; None for narrow."""
    if len(columns) <= WIDE:
        return None
    return leading_axes(
        spot_features(adata, columns, (1,), key)[evenly(spots, MOST_SPOTS)], KEPT
    )


def expression_axes(target: np.ndarray, count: int) -> np.ndarray | None:
    """Directions (n_genes, count) that genes share; None for no more genes."""
    if target.shape[1] <= count:
        return None
    return _shared_axes(target, count)


def project(target: np.ndarray, axes: np.ndarray | None) -> np.ndarray:
    """Scores (n, count) about the mean over spots; the residuals without axes."""
    mean = target.mean(axis=0)
    return target - mean if axes is None else target @ axes - mean @ axes


def unproject(
    scores: np.ndarray, axes: np.ndarray | None, mean: np.ndarray
) -> np.ndarray:
    """Expression (n, n_genes) of scores, in the precision of the axes."""
    if axes is None:
        return scores + mean
    out = scores.astype(axes.dtype) @ axes.T
    out += mean
    return out
