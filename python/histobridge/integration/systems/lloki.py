"""LLOKI: sparsity filled by propagation, a conditional autoencoder across sections.

Haber et al. 2025 (LLOKI): missing counts are propagated between spots alike in genes
and near in space, embedded by scGPT, and aligned across panels by a conditional
autoencoder with triplets of mutual neighbours.

Deviations: principal components of the propagated genes stand for the scGPT
embedding, whose weights cannot be assumed at hand; propagation is sparse (published:
a dense cosine graph), ten steps; the loss that preserves distances within a
neighbourhood is on sampled neighbours.

Evidence: dev/benchmarks/results; its own evaluation has Leiden on brain panels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.embedding import principal_components
from histobridge.integration.features import spatial_knn
from histobridge.integration.heads import Leiden
from histobridge.integration.neural import Neural
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "lloki",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Haber et al. 2025, LLOKI",
    evidence="dev/benchmarks/results",
    deviations="principal components instead of scGPT; sparse propagation",
)
def lloki(*, epochs: int = 100, seed: int = 0) -> Integrator:
    """Propagated genes through a conditional autoencoder with triplets."""

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        scores = principal_components(adata, 100, genes=3000, scale=False, seed=seed)
        points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
        near = graphs.symmetric(spatial_knn(adata, 40))
        length = graphs.gaussian_bandwidth(points, 6.0, sections)
        near = graphs.gaussian_weights(near, points, length)
        near = graphs.row_mean(graphs.product_weights(near, [scores[:, :30]]))
        smooth = scores
        for _ in range(10):
            smooth = (scores + near @ smooth) / 2
        pairs = graphs.mutual_graph(smooth[:, :30], sections, k=40)
        return {
            "x": smooth / np.sqrt(smooth.var(axis=0).mean()),
            "near": near,
            "pairs": pairs,
            "sections": sections,
        }

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.conditional import (
            ConditionalAutoencoder,
        )

        n_sections = int(inputs["sections"].max()) + 1
        return ConditionalAutoencoder(inputs["x"].shape[1], n_sections)

    embed = Neural(inputs, network, Recipe(epochs, 2e-3, weight_decay=1e-4))
    return Integrator(embed, Leiden(), seed=seed)
