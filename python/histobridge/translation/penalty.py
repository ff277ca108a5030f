"""Ridge regression for many penalties at once, and the penalty of inner folds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from histobridge import graphs
from histobridge.normalisation import pearson_columns
from histobridge.splits import inner_splits
from histobridge.translation.rows import evenly

if TYPE_CHECKING:
    from anndata import AnnData

MOST_GENES = 250
"""Genes, evenly spaced, by which a penalty is chosen."""

MOST_SPOTS = 4000
"""Spots, evenly spaced, of a fold on which it is fitted and scored."""

Describe = Callable[[np.ndarray], np.ndarray]


class RidgePath:
    """Ridge regression for many penalties from one decomposition.

    The eigenvectors of the smaller of ``phi phi'`` and ``phi' phi`` serve every
    penalty. ``weights`` (rows,) say how much each row counts; default the same.
    """

    def __init__(
        self, phi: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None
    ):
        self.centre = np.average(phi, axis=0, weights=weights)
        self.intercept = np.average(target, axis=0, weights=weights)
        centred, residual = phi - self.centre, target - self.intercept
        if weights is not None:
            root = np.sqrt(weights / weights.mean())[:, None]
            centred, residual = centred * root, residual * root
        if len(centred) <= centred.shape[1]:
            values, vectors = np.linalg.eigh(centred @ centred.T)
            self.basis = centred.T @ vectors
            self.projected = vectors.T @ residual
        else:
            values, self.basis = np.linalg.eigh(centred.T @ centred)
            self.projected = self.basis.T @ (centred.T @ residual)
        self.values = np.maximum(values, 0.0)

    def coefficients(self, alpha: float) -> np.ndarray:
        """Coefficients (n_features, n_targets) for one penalty."""
        return self.basis @ (self.projected / (self.values + alpha)[:, None])

    def predict(self, phi: np.ndarray, alphas: Sequence[float]) -> Iterator[np.ndarray]:
        """Yield the prediction (rows, n_targets) of every penalty."""
        scores = (phi - self.centre) @ self.basis
        for alpha in alphas:
            yield (scores / (self.values + alpha)) @ self.projected + self.intercept


def choose_penalty(
    adata: AnnData,
    spots: np.ndarray,
    target: np.ndarray,
    alphas: Sequence[float],
    describe: Callable[[np.ndarray], Describe],
    seed: int,
    weights: np.ndarray | None = None,
) -> float:
    """Penalty of the highest mean per-gene Pearson over inner folds.

    Folds are patients, else sections, else blocks; sections of fewer than five
    spots do not vote, and without a vote the penalty is 1.

    Parameters
    ----------
    spots, target
        Training spots, and what they shall predict (n_spots, n_genes).
    describe
        Takes the rows of ``spots`` that a fold trains on and returns the function
        from rows to features (n_rows, d), so that what it fits is fitted on those.
    weights
        (n_spots,) how much each spot counts when fitting.
    """
    if len(alphas) == 1:
        return alphas[0]
    genes = target.shape[1]
    if genes > MOST_GENES:
        target = target[:, evenly(np.arange(genes), MOST_GENES)]
    row = np.full(adata.n_obs, -1)
    row[spots] = np.arange(len(spots))
    sections = graphs.section_codes(adata)[spots]
    score, weight = np.zeros(len(alphas)), 0
    for train, test in inner_splits(adata, spots, seed):
        a, b = evenly(row[train], MOST_SPOTS), evenly(row[test], MOST_SPOTS)
        features = describe(a)
        path = RidgePath(
            features(a), target[a], None if weights is None else weights[a]
        )
        for section in np.unique(sections[b]):
            rows = b[sections[b] == section]
            if len(rows) < 5:
                continue
            for i, guess in enumerate(path.predict(features(rows), alphas)):
                score[i] += len(rows) * pearson_columns(guess, target[rows]).mean()
            weight += len(rows)
    return alphas[int(score.argmax())] if weight else 1.0
