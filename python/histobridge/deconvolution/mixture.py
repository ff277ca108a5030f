"""Spots as mixtures of signatures: counts, what is expected, how far they scatter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

TINY = 1e-12
CHUNK = 2048


@dataclass(frozen=True)
class Mixture:
    """``y_sg ~ Poisson(n_s m_g sum_k a_sk p_gk)``, every gene with a weight.

    A weight multiplies counts, profiles and pseudo-counts alike, so that a weighed
    mixture is a mixture and its amounts mean the same.

    Attributes
    ----------
    counts : (n_spots, n_genes)
    profiles : (n_genes, n_types)
    depth : (n_spots,)
        Exposure ``n_s``: counts before genes were weighed or left out.
    pseudo : (n_genes,)
        Counts that shrink platform factors ``m_g`` to 1.
    """

    counts: sp.csr_matrix
    profiles: np.ndarray
    depth: np.ndarray
    pseudo: np.ndarray

    @classmethod
    def of(cls, counts: sp.csr_matrix, profiles: np.ndarray, pseudo: float) -> Mixture:
        """All counts with weight 1."""
        depth = np.maximum(np.asarray(counts.sum(axis=1)).ravel(), 1.0)
        return cls(counts, profiles, depth, np.full(len(profiles), float(pseudo)))

    def genes(self, chosen: np.ndarray) -> Mixture:
        """Some of the genes, at the same exposure."""
        return replace(
            self,
            counts=self.counts[:, chosen],
            profiles=self.profiles[chosen],
            pseudo=self.pseudo[chosen],
        )

    def spots(self, rows: np.ndarray) -> Mixture:
        """Some of the spots."""
        return replace(self, counts=self.counts[rows], depth=self.depth[rows])

    def weighed(self, weights: np.ndarray) -> Mixture:
        """Genes times weights (n_genes,)."""
        return replace(
            self,
            counts=sp.csr_matrix(self.counts @ sp.diags(weights)),
            profiles=self.profiles * weights[:, None],
            pseudo=self.pseudo * weights,
        )

    def expected(
        self, amounts: np.ndarray, factor: np.ndarray
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """Means (rows, n_genes) of some thousand spots at a time."""
        rates = self.profiles * factor[:, None]
        for first in range(0, len(amounts), CHUNK):
            rows = slice(first, first + CHUNK)
            mean = self.depth[rows, None] * (amounts[rows] @ rates.T)
            yield rows, np.maximum(mean, TINY)


def dispersion(
    mixture: Mixture, amounts: np.ndarray, factor: np.ndarray
) -> tuple[float, np.ndarray]:
    """Scatter beyond counting noise, and the mean count of every gene.

    The ``d`` of variances ``m + d m^2``: the median over genes of its moment
    estimates, each counted by its precision, so that neither a gene of few counts
    nor one that the reference gets wrong decides.
    """
    n, k = amounts.shape
    first, second, excess = (np.zeros(len(factor)) for _ in range(3))
    # A fit of k types leaves residuals smaller than errors are.
    free = 1.0 / max(1.0 - k / len(factor), 0.5)
    for rows, mean in mixture.expected(amounts, factor):
        error = mixture.counts[rows].toarray() - mean
        first += mean.sum(axis=0)
        second += (mean**2).sum(axis=0)
        excess += (free * error**2 - mean).sum(axis=0)
    ratio = excess / np.maximum(second, TINY)
    precision = second**2 / np.maximum(first + 2 * second, TINY)
    order = np.argsort(ratio)
    reached = np.cumsum(precision[order])
    middle = np.searchsorted(reached, reached[-1] / 2)
    return float(max(ratio[order][min(middle, len(order) - 1)], 0.0)), first / n


def gene_weights(
    mixture: Mixture, amounts: np.ndarray, factor: np.ndarray
) -> np.ndarray:
    """Weights (n_genes,): counting variance over variance, 1 without dispersion.

    Cells of a type differ, so twice the counts of a gene are not twice the evidence.
    """
    spread, mean = dispersion(mixture, amounts, factor)
    return 1.0 / (1.0 + spread * mean)
