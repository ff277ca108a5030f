"""Few directions in place of many columns: of wide features, and of many genes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge.images.features import leading_axes, spot_features

if TYPE_CHECKING:
    from anndata import AnnData

WIDE = 200
"""Features of more columns than this enter by their leading components."""

KEPT = 100
"""How many components those are."""

MOST_SPOTS = 3000
"""Training spots, evenly spaced, from which components are worked out."""


def wide_axes(
    adata: AnnData, spots: np.ndarray, columns: np.ndarray, key: str
) -> np.ndarray | None:
    """Directions (n_columns, 100) that stand for wide features; None for narrow."""
    if len(columns) <= WIDE:
        return None
    return leading_axes(spot_features(adata, columns, (1,), key)[_some(spots)], KEPT)


def expression_axes(target: np.ndarray, count: int) -> np.ndarray | None:
    """Directions (n_genes, count) that genes share; None for no more genes."""
    if target.shape[1] <= count:
        return None
    part = target[_some(np.arange(len(target)))]
    return leading_axes(part - part.mean(axis=0), count).astype(target.dtype)


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


def _some(spots: np.ndarray) -> np.ndarray:
    step = np.linspace(0, len(spots) - 1, min(len(spots), MOST_SPOTS))
    return spots[step.astype(int)]
