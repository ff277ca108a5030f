"""What sequencing depth does to log-normalised expression, told from composition.

The log of counts per 10,000 is not free of depth: of a gene with few counts a shallow
spot shows mostly zeros, and ``E[log(1 + 10^4 c / n)]`` grows with the depth ``n`` even
where the share of the gene is the same everywhere. That growth follows from counting
alone, the same in every tissue, whereas composition must be learned. So the two are
predicted apart: depth from the image (crowded nuclei hold more RNA) and through the
Poisson law to every gene, and the rest, which no longer holds the noise of depth, by
any translator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract, graphs
from histobridge.normalisation import TARGET_SUM
from histobridge.translation.base import Translator
from histobridge.translation.composite import Composite
from histobridge.translation.rows import blocks, taken

if TYPE_CHECKING:
    from anndata import AnnData

LEVELS = 24
"""Depths at which the expectation is worked out; in between it is linear."""

MOST_COUNTS = 30
"""Expected count above which counting noise no longer moves the mean of the log."""


def expected_log(share: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """``E[log(1 + 10^4 c / depth)]`` for Poisson counts of mean ``depth * share``.

    Parameters
    ----------
    share
        (n_genes,) share of each gene in all counts.
    depth
        (n,) total counts.

    Returns
    -------
    (n, n_genes)
    """
    out = np.tile(np.log1p(TARGET_SUM * share), (len(depth), 1))
    for row, n in zip(out, depth, strict=True):
        few = n * share < MOST_COUNTS
        mean = n * share[few]
        chance, total = np.exp(-mean), np.zeros(len(mean))
        for count in range(1, 3 * MOST_COUNTS):
            chance = chance * mean / count
            total += chance * np.log1p(TARGET_SUM * count / n)
        row[few] = total
    return out


class SamplingDepth(Composite):
    """Predicts depth and composition apart and puts them together again.

    Parameters
    ----------
    depth
        Translator of the log of depth, within-section mean taken off.
    composition
        Translator of what depth does not explain.
    """

    def __init__(self, depth: Translator, composition: Translator):
        super().__init__((depth, composition))

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        self._fit_own(adata, spots, target.copy())

    def _fit_own(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        counts = taken(contract.counts(adata), spots)
        total = np.asarray(counts.sum(axis=1), dtype=float).ravel()
        genes = adata.var_names.get_indexer(self.genes_)
        share = np.asarray(counts.sum(axis=0), dtype=float).ravel()[genes]
        log = np.log(total)
        self.levels_ = np.linspace(log.min(), log.max() + 1e-6, LEVELS)
        self.curve_ = expected_log(share / total.sum(), np.exp(self.levels_))
        self.curve_ = self.curve_.astype(target.dtype)
        self.level_, self.mean_ = float(log.mean()), target.mean(axis=0)
        model, composition = self.members
        self._fit_member(
            model, adata, spots, _within(log, graphs.section_codes(adata)[spots])
        )
        # What is left once depth is taken off takes the place of the target.
        for rows in blocks(np.arange(len(target))):
            target[rows] -= self._at(log[rows])
        self._fit_member(composition, adata, spots, target)
        # A predicted depth varies less than a measured one, and the curve is bent.
        guess = self.level_ + model._predict(adata, spots)[:, 0]
        self.shift_ = self._weights(log).mean(axis=0) @ self.curve_
        self.shift_ -= self._weights(guess).mean(axis=0) @ self.curve_
        self.settings_ |= composition.settings_

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        depth, composition = self.members
        out = composition._predict(adata, spots)
        log = self.level_ + depth._predict(adata, spots)[:, 0]
        for rows in blocks(np.arange(len(out))):
            out[rows] += self._at(log[rows])
            out[rows] += self.shift_
        return out

    def _at(self, log_depth: np.ndarray) -> np.ndarray:
        """The curve (n, n_genes) at logs of depth (n,)."""
        return self._weights(log_depth) @ self.curve_

    def _weights(self, log_depth: np.ndarray) -> np.ndarray:
        """Linear weights (n, levels); outside the curve its nearest end."""
        step = self.levels_[1] - self.levels_[0]
        place = np.clip((log_depth - self.levels_[0]) / step, 0, LEVELS - 1)
        hats = 1 - np.abs(place[:, None] - np.arange(LEVELS))
        return np.maximum(hats, 0.0).astype(self.curve_.dtype)


def _within(values: np.ndarray, sections: np.ndarray) -> np.ndarray:
    """Column (n, 1) of values minus the mean of their section."""
    out = np.array(values, dtype=float)
    for section in np.unique(sections):
        out[sections == section] -= out[sections == section].mean()
    return out[:, None]
