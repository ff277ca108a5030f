"""The choice of a prior: which one predicts genes that the fit has not read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from histobridge import graphs, keys
from histobridge.deconvolution.gamma_poisson import (
    Posterior,
    held_out_likelihood,
    maximum_likelihood,
)
from histobridge.deconvolution.mixture import Mixture

if TYPE_CHECKING:
    from anndata import AnnData

ENOUGH = 2000
"""Spots on which a prior is chosen."""

Refit = Callable[[Mixture, Posterior], Posterior]


class GeneHalves:
    """Each half of the genes in turn is fitted, the other one predicted.

    Parameters
    ----------
    mixture
        Spots and signatures.
    factor
        Platform factors (n_genes,) of all genes, so that a half is not judged by
        factors of its own.
    seed
        Of the halves.
    """

    def __init__(self, mixture: Mixture, factor: np.ndarray, seed: int):
        self.mixture, self.factor = mixture, factor
        half = np.zeros(len(factor), dtype=bool)
        order = np.random.default_rng(seed).permutation(len(factor))
        half[order[: len(factor) // 2]] = True
        self.folds = [half, ~half]
        self.parts = [mixture.genes(fold) for fold in self.folds]
        self.starts = [
            maximum_likelihood(part, factor=factor[fold])
            for part, fold in zip(self.parts, self.folds, strict=True)
        ]
        one, other = map(self._unseen, self.folds, self.starts)
        self.alone = one + other

    def gain(self, refit: Refit) -> np.ndarray:
        """Log-likelihood (n_spots,) of unread genes over that of no prior.

        Parameters
        ----------
        refit
            From a half, and its fit without prior, to the fit under the prior.
        """
        score = -self.alone
        for fold, part, start in zip(self.folds, self.parts, self.starts, strict=True):
            score = score + self._unseen(fold, refit(part, start))
        return score

    def _unseen(self, fold: np.ndarray, fit: Posterior) -> np.ndarray:
        other = self.mixture.genes(~fold)
        rates = other.profiles * self.factor[~fold, None]
        return held_out_likelihood(other.counts, rates, fit.mean)


def strongest(gains: dict[tuple[str, float], np.ndarray]) -> tuple[str, float]:
    """Prior of largest weight among those as good as the best, but for chance.

    Parameters
    ----------
    gains
        (graph, strength) -> score of every spot.
    """
    best = max(gains.values(), key=np.mean)
    equal = {}
    for prior, score in gains.items():
        behind = best - score
        if behind.mean() <= behind.std() / np.sqrt(len(behind)):
            equal[prior] = (prior[1], score.mean())
    return max(equal, key=lambda prior: equal[prior])


def compact_part(adata: AnnData, n: int) -> np.ndarray:
    """All spots, or the nearest to the middle spot of the first section."""
    if n <= ENOUGH:
        return np.arange(n)
    if keys.SPATIAL not in adata.obsm:
        return np.sort(np.random.default_rng(0).choice(n, ENOUGH, replace=False))
    section = np.flatnonzero(graphs.section_codes(adata) == 0)
    points = graphs.positions_microns(adata)[section]
    apart = ((points - np.median(points, axis=0)) ** 2).sum(axis=1)
    return np.sort(section[np.argsort(apart, kind="stable")[:ENOUGH]])
