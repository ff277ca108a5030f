"""harmony: graph components of all sections, batches mixed by Harmony.

Korsunsky et al. 2019 (Nat Methods 16:1289): soft clusters that hold every section,
and the effect of the section taken out cluster by cluster, of principal components.

Deviations: the components are those of graph PCA (strength .5, six neighbours) on
scores centred within sections, as Harmony is used after SEDR and GraphST; spots of a
section without a like in any other are kept where the ridge leaves them. One section
alone is embedded as by graphpca.

Evidence: dev/benchmarks/results/integration_sections.csv.
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
from histobridge.integration.harmony import Harmony
from histobridge.integration.heads import Mixture
from histobridge.integration.refinement import ring_vote
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "harmony",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Korsunsky et al. 2019, Nat Methods 16:1289",
    evidence="dev/benchmarks/results/integration_sections.csv",
    deviations="on components of graph PCA instead of plain ones",
)
def harmony(
    *,
    components: int = 30,
    strength: float = 0.5,
    diversity: float = 2.0,
    seed: int = 0,
) -> Integrator:
    """Graph components whose clusters hold every section."""

    def embed(adata: AnnData, seed: int) -> np.ndarray:
        scores = principal_components(adata, 2 * components, seed=seed)
        graph = graphs.symmetric(spatial_knn(adata, 6))
        smoother = GraphSmoother(graphs.laplacian(graph))
        z = graph_components(scores, smoother, strength, components)
        correct = Harmony(diversity=diversity, seed=seed)
        return correct(z, graphs.section_codes(adata))

    def refine(labels: np.ndarray, adata: AnnData) -> np.ndarray:
        return ring_vote(labels, spatial_rings(adata))

    return Integrator(embed, Mixture(), refine, seed=seed)
