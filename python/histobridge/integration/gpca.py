"""Graph PCA over a small grid, shared-covariance mixtures, consensus, ring vote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract, graphs
from histobridge.contract import ContractError
from histobridge.integration.consensus import consensus
from histobridge.integration.embedding import (
    GraphSmoother,
    graph_components,
    principal_components,
)
from histobridge.integration.mixture import SharedCovarianceMixture
from histobridge.integration.refinement import ring_vote
from histobridge.integration.smoothing import PROBES, choose_strength

if TYPE_CHECKING:
    from anndata import AnnData

K_RANGE = range(2, 13)
THICK = 0.8


class GraphPCAConsensus:
    """Domains by closed-form graph PCA and consensus.

    Parameters
    ----------
    neighbours
        Of the spatial graph within each section.
    dimensions, factors
        The grid: components kept, and multiples of the smoothing strength that
        generalised cross-validation chose.
    genes, components
        Variable genes and principal components that enter.
    seed
        Of the mixture's subsample and of the trace probes.

    Attributes
    ----------
    embedding_ : (n_spots, d), the middle member of the grid
    strength_, agreement_, k_ : chosen smoothing, mean ARI of members, domains
    """

    def __init__(
        self,
        *,
        neighbours: int = 6,
        dimensions: tuple[int, ...] = (6, 8, 10, 12, 15),
        factors: tuple[float, ...] = (0.5, 1.0, 2.0),
        genes: int = 2000,
        components: int = 40,
        seed: int = 0,
    ):
        self.neighbours = neighbours
        self.dimensions = dimensions
        self.factors = factors
        self.genes = genes
        self.components = components
        self.seed = seed

    def fit_predict(self, adata: AnnData, k: int | None = None) -> np.ndarray:
        """Label (n_spots,) from 0; ``k=None`` chooses it by BIC.

        Raises
        ------
        ContractError
            Fewer spots than domains.
        """
        contract.counts(adata)
        if adata.n_obs < 2 * (k or 2):
            raise ContractError(f"at least {2 * (k or 2)} spots", adata.n_obs)
        scores = principal_components(
            adata, self.components, genes=self.genes, seed=self.seed
        )
        directed = graphs.knn_graph(
            graphs.positions_um(adata), graphs.section_codes(adata), self.neighbours
        )
        smoother = GraphSmoother(graphs.laplacian(graphs.symmetric(directed)))
        self.strength_, _ = choose_strength(scores, smoother, seed=self.seed)
        # Nearly singular covariances make the mixture follow noise.
        most = max(2, min(scores.shape[1], adata.n_obs // 10))
        sizes = sorted({min(d, most) for d in self.dimensions})
        embeddings = {
            (factor, d): graph_components(scores, smoother, self.strength_ * factor, d)
            for factor in self.factors
            for d in sizes
        }
        self.embedding_ = embeddings[
            self.factors[len(self.factors) // 2], sizes[len(sizes) // 2]
        ]
        if k is None:
            k = choose_k(self.embedding_, self._independent(smoother), self.seed)
        self.k_ = k
        members = [
            SharedCovarianceMixture(k, start=start, seed=self.seed)
            .fit(z)
            .responsibility_
            for z in embeddings.values()
            for start in ("ward", "kmeans")
        ]
        labels, self.agreement_ = consensus(members)
        # A weak smoother means layers about one spot thick, which a vote would eat.
        return labels if self.strength_ < THICK else ring_vote(labels, directed)

    def _independent(self, smoother: GraphSmoother) -> float:
        n = smoother.laplacian.shape[0]
        probes = np.random.default_rng(self.seed).choice([-1.0, 1.0], size=(n, PROBES))
        return float((probes * smoother(probes, self.strength_)).sum() / PROBES)


def choose_k(embedding: np.ndarray, independent: float, seed: int = 0) -> int:
    """Number of domains (2 to 12) of largest BIC for ``independent`` spots.

    Smoothing makes neighbours alike, so n spots carry the information of about
    ``independent`` = trace of the smoother; likelihood and penalty are scaled to it.
    """
    n = len(embedding)
    scores = {}
    for k in K_RANGE:
        if k > max(2, n // 10):
            break
        model = SharedCovarianceMixture(k, seed=seed).fit(embedding)
        gain = 2 * model.log_likelihood_ * independent / n
        scores[k] = gain - model.n_parameters() * np.log(independent)
    return max(scores, key=scores.__getitem__)
