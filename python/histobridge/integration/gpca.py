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
from histobridge.integration.selection import number_of_domains
from histobridge.integration.smoothing import strength_of_tissue

if TYPE_CHECKING:
    from anndata import AnnData

THICK = 0.8


class GraphPCAConsensus:
    """Domains by closed-form graph PCA and consensus.

    Parameters
    ----------
    neighbours
        Of the spatial graph within each section.
    dimensions, factors
        The grid: components kept (at most a tenth of the spots), and multiples of
        the smoothing strength that generalised cross-validation chose. Members of up
        to 30 components joined because their domains explain more of genes that no
        member saw.
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
        dimensions: tuple[int, ...] = (6, 8, 10, 12, 15, 20, 25, 30),
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

    def fit(self, adata: AnnData) -> GraphPCAConsensus:
        """Embed every spot at every point of the grid."""
        contract.counts(adata)
        scores = principal_components(
            adata, self.components, genes=self.genes, seed=self.seed
        )
        self._directed = graphs.knn_graph(
            graphs.positions_um(adata), graphs.section_codes(adata), self.neighbours
        )
        near = graphs.symmetric(self._directed)
        self.strength_ = strength_of_tissue(scores, near, adata, self.seed)
        smoother = GraphSmoother(graphs.laplacian(near))
        # Nearly singular covariances make the mixture follow noise.
        most = max(2, min(scores.shape[1], adata.n_obs // 10))
        sizes = sorted({min(d, most) for d in self.dimensions})
        widest = {
            factor: graph_components(
                scores, smoother, self.strength_ * factor, sizes[-1]
            )
            for factor in self.factors
        }
        # Components are nested: fewer of them are the first of more.
        self._grid = {(f, d): z[:, :d] for f, z in widest.items() for d in sizes}
        self.embedding_ = self._grid[
            self.factors[len(self.factors) // 2], sizes[len(sizes) // 2]
        ]
        self.facts_ = {"strength": float(self.strength_)}
        return self

    def fit_predict(self, adata: AnnData, k: int | None = None) -> np.ndarray:
        """Label (n_spots,) from 0; ``k=None`` chooses it without labels.

        Raises
        ------
        ContractError
            Fewer spots than domains.
        """
        if adata.n_obs < 2 * (k or 2):
            raise ContractError(f"at least {2 * (k or 2)} spots", adata.n_obs)
        self.fit(adata)
        self.k_ = k or number_of_domains(self.embedding_, self.seed)
        members = [
            SharedCovarianceMixture(self.k_, start=start, seed=self.seed)
            .fit(z)
            .responsibility_
            for z in self._grid.values()
            for start in ("ward", "kmeans")
        ]
        labels, self.agreement_ = consensus(members)
        self.facts_["agreement"] = self.agreement_
        # A weak smoother means layers about one spot thick, which a vote would eat.
        if self.strength_ < THICK:
            return labels
        return ring_vote(labels, self._directed)
