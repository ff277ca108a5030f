"""Saliency of genes for a domain: the gradient of a classifier's margin.

STAMarker (Zhang et al. 2023, Nucleic Acids Res 51:e103) ranks genes by the rectified
gradient of the largest logit and cuts at mean + 1.5 SD, so that it names genes for
random labels too. Here the margin keeps its sign, the classifier is ridge regression
on principal components, which is refitted in closed form for every shift of the
labels, and genes get p-values.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from histobridge.integration.embedding import component_scores
from histobridge.normalisation import column_moments

COMPONENTS = 30
REMOVED = 20
DRAWS = 200


class MarginSaliency:
    """Gradient of the margin of "in the domain" with respect to every gene.

    Called with indicators (n, draws) it fits a classifier to each and gives
    gradients (genes, draws) per standard deviation of the gene.

    Parameters
    ----------
    values
        (n, genes) log-normalised counts.
    """

    def __init__(self, values: sp.csr_matrix, seed: int = 0):
        mean, variance = column_moments(values)
        spread = np.sqrt(variance)
        inverse = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0.0)
        self._scaled = (values @ sp.diags(inverse)).tocsr()
        self._mean = mean * inverse
        self._scores = component_scores(self._scaled, COMPONENTS, seed=seed)
        size = np.maximum((self._scores**2).sum(axis=0), 1e-12)
        self._loadings = self._scaled.T @ (self._scores / size)
        # Components that are no stronger than the last one kept are mostly noise.
        self._shrunk = size + size[-1]

    def __call__(self, inside: np.ndarray) -> np.ndarray:
        """Gradients (genes, draws) of ``2 f - 1`` for indicators (n, draws)."""
        weights = self._scores.T @ inside / self._shrunk[:, None]
        return 2 * self._loadings @ weights

    def deletion(
        self, gradient: np.ndarray, inside: np.ndarray, seed: int = 0
    ) -> tuple[float, float]:
        """Share of the domain's margin lost without its top and without random genes.

        Removed genes take their mean. The classifier is linear, so the loss is the
        sum of what each gene contributes; the second is the 95th percentile of random
        sets of as many genes.
        """
        spots = np.flatnonzero(inside)
        excess = np.asarray(self._scaled[spots].mean(axis=0)).ravel() - self._mean
        lost = gradient * excess / max(float(gradient @ excess), 1e-300)
        count = min(REMOVED, max(1, len(lost) // 5))
        top = np.argsort(-np.abs(gradient), kind="stable")[:count]
        rng = np.random.default_rng(seed)
        sets = [rng.choice(len(lost), count, replace=False) for _ in range(DRAWS)]
        level = np.quantile([lost[chosen].sum() for chosen in sets], 0.95)
        return float(lost[top].sum()), float(level)
