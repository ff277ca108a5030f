"""GraphPCA: principal components that vary little between neighbours.

Yang et al. 2024 (Genome Biol 25): minimise ``||X - Z W'||^2 + strength tr(Z' L Z)``
with orthonormal W, which has a closed form.

Deviations: log-normalised variable genes instead of Pearson residuals of SPARK
genes; the normalised Laplacian; a shared-covariance mixture instead of k-means,
which gains .15 to .2 ARI on the same embedding of cortex. ``as_published=True``
clusters by k-means and votes over the ring.

Evidence: its tutorial has .531 on 151673 (k-means).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.embedding import (
    GraphSmoother,
    graph_components,
    principal_components,
)
from histobridge.integration.features import spatial_knn, spatial_rings
from histobridge.integration.heads import KMeans, Mixture
from histobridge.integration.refinement import majority_vote, ring_vote
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "graphpca",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Yang et al. 2024, Genome Biol 25",
    evidence="151673 .531 with k-means (tutorial); dev/benchmarks/results",
    deviations="log-normalised genes, normalised Laplacian, mixture instead of k-means",
)
def graphpca(
    *,
    strength: float = 0.5,
    components: int = 50,
    neighbours: int = 6,
    seed: int = 0,
    as_published: bool = False,
) -> Integrator:
    """Principal components on a spatial graph, in closed form."""

    def embed(adata: AnnData, seed: int) -> np.ndarray:
        scores = principal_components(adata, 2 * components, genes=3000, seed=seed)
        graph = graphs.symmetric(spatial_knn(adata, neighbours))
        smoother = GraphSmoother(graphs.laplacian(graph))
        return graph_components(scores, smoother, strength, components)

    vote = majority_vote if as_published else ring_vote
    return Integrator(
        embed,
        KMeans() if as_published else Mixture(),
        lambda labels, adata: vote(labels, spatial_rings(adata)),
        seed=seed,
        as_published=as_published,
    )
