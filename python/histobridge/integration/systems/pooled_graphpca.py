"""pooled_graphpca: graph PCA of many sections with partially pooled loadings.

Every section keeps loadings of its own as far as it has the spots to know them, and
shares the others' beyond that; scores are standardised within sections. The strength
of smoothing is chosen by generalised cross-validation, as in gpca_consensus. With
``mixed=True`` Harmony follows.

Evidence: dev/benchmarks/results/integration_sections.csv.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.embedding import (
    GraphSmoother,
    principal_components,
)
from histobridge.integration.features import spatial_knn, spatial_rings
from histobridge.integration.harmony import Harmony
from histobridge.integration.heads import Mixture
from histobridge.integration.pooled import pooled_components
from histobridge.integration.refinement import ring_vote
from histobridge.integration.smoothing import strength_of_tissue
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "pooled_graphpca",
    task="domains",
    needs=("counts", "coordinates"),
    status="house",
    paper="house, for many sections",
    evidence="dev/benchmarks/results/integration_sections.csv",
)
def pooled_graphpca(
    *, components: int = 20, mixed: bool = False, seed: int = 0
) -> Integrator:
    """Graph PCA with loadings between those of a section and those of all."""

    def embed(adata: AnnData, seed: int) -> np.ndarray:
        scores = principal_components(adata, 2 * components, seed=seed)
        graph = graphs.symmetric(spatial_knn(adata, 6))
        sections = graphs.section_codes(adata)
        strength = strength_of_tissue(scores, graph, adata, seed)
        smoother = GraphSmoother(graphs.laplacian(graph))
        z, _ = pooled_components(scores, smoother, strength, sections, components)
        return Harmony(seed=seed)(z, sections) if mixed else z

    def refine(labels: np.ndarray, adata: AnnData) -> np.ndarray:
        return ring_vote(labels, spatial_rings(adata))

    return Integrator(embed, Mixture(), refine, seed=seed)
