"""Few directions in place of many columns: of wide features, and of many genes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from histobridge.images.features import WIDE, leading_axes, once, own_features
from histobridge.translation.base import Translator
from histobridge.translation.rows import evenly

if TYPE_CHECKING:
    from anndata import AnnData

KEPT = 100
"""How many components those are."""

MOST_SPOTS = 1500
"""Training spots, evenly spaced, from which components are worked out."""


@dataclass(frozen=True)
class Shared:
    """What genes share.

    Attributes
    ----------
    axes
        (n_genes, count) directions; None for no more genes than ``count``.
    mean
        (n_genes,) over spots.
    scores
        (n, count) about that mean; the residuals (n, n_genes) without axes.
    """

    axes: np.ndarray | None
    mean: np.ndarray
    scores: np.ndarray

    @classmethod
    def of(cls, target: np.ndarray, count: int) -> Shared:
        """Components of a target (n, n_genes)."""
        mean = target.mean(axis=0)
        if target.shape[1] <= count:
            return cls(None, mean, target - mean)
        part = target[evenly(np.arange(len(target)), MOST_SPOTS)]
        axes = leading_axes(part - part.mean(axis=0), count).astype(target.dtype)
        return cls(axes, mean, target @ axes - mean @ axes)


class _Last:
    """Remembers the last answer for the same array: members of one model share it."""

    def __init__(self) -> None:
        self.last: _Remembered | None = None

    def __call__(self, target: np.ndarray, count: int) -> Shared:
        # One read and one write: threads that fit at once must not mix answers.
        last = self.last
        if last is not None and last.of() is target and last.count == count:
            return last.answer
        answer = Shared.of(target, count)
        if answer.axes is not None:
            self.last = _Remembered(weakref.ref(target), count, answer)
        return answer


@dataclass(frozen=True)
class _Remembered:
    of: Callable[[], np.ndarray | None]
    count: int
    answer: Shared


_shared = _Last()


def wide_axes(
    adata: AnnData, spots: np.ndarray, columns: np.ndarray, key: str
) -> np.ndarray | None:
    """Directions (n_columns, 100) that stand for wide features; None for narrow."""
    if len(columns) <= WIDE:
        return None
    rows = evenly(spots, MOST_SPOTS)
    return once(
        adata,
        ("wide_axes", key, columns.tobytes(), rows.tobytes()),
        lambda: leading_axes(own_features(adata, columns, key)[rows], KEPT),
    )


def shared_expression(target: np.ndarray, count: int) -> Shared:
    """Components that genes share, worked out once for the members of a model."""
    return _shared(target, count)


class ComponentTranslator(Translator):
    """Predicts components that genes share, and all genes from them.

    Attributes
    ----------
    gene_axes_, mean_
        Of :class:`Shared`.
    """

    gene_axes_: np.ndarray | None
    mean_: np.ndarray

    def scores(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        """Components (n_spots, count) of the expression predicted for ``spots``."""
        raise NotImplementedError

    def genes_of(self, scores: np.ndarray) -> np.ndarray:
        """Expression (n, n_genes) of scores, in the precision of the axes."""
        if self.gene_axes_ is None:
            return scores + self.mean_
        out = scores.astype(self.gene_axes_.dtype) @ self.gene_axes_.T
        out += self.mean_
        return out

    def shares_components(self, other: ComponentTranslator) -> bool:
        """Whether scores of both mean the same."""
        mine, theirs = self.gene_axes_, other.gene_axes_
        if mine is None or theirs is None:
            return mine is theirs and np.array_equal(self.mean_, other.mean_)
        return np.array_equal(mine, theirs) and np.array_equal(self.mean_, other.mean_)

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        return self.genes_of(self.scores(adata, spots))
