"""SpaDAC: one attention encoder on a spatial and an image graph, concatenated.

Huo et al. 2023 (SpaDAC; code huoyuying/SpaDAC): two-hop attention (DAEGC) on both
graphs, unit vectors concatenated, inner products decoded to spatial edges, then
clusters; ten rounds of a ring vote.

Corrected: a fixed number of epochs. The published code picks the epoch by the labels it
is scored on; that is not offered, as no label ever reaches a system here. Non-edges are
sampled, and only the spatial graph has two hops. A file of the published code is
missing, so sizes are those of its arguments, narrowed. Without an image the second
graph joins alike genes. (It drops no genes by their gradients, whatever reviews say.)

Evidence: none per section that could be read.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import scipy.sparse as sp

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.features import (
    image_components,
    rotated_genes,
    spatial_rings,
)
from histobridge.integration.heads import KMeans
from histobridge.integration.neural import Neural
from histobridge.integration.refinement import lattice_majority
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "spadac",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="SpaDAC 2023 (huoyuying/SpaDAC)",
    evidence="none per section that could be read; dev/benchmarks/results",
    deviations="fixed epochs; sampled non-edges; 100 axes; narrower",
)
def spadac(*, epochs: int = 100, seed: int = 0) -> Integrator:
    """Two-hop attention on a spatial and an image graph."""

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        x = rotated_genes(adata, 3000, 100, seed=seed)
        image = image_components(adata, 50, seed)
        alike = graphs.feature_graph(
            x[:, :30] if image is None else image,
            graphs.section_codes(adata),
            5,
            "cosine",
        )
        near = spatial_rings(adata)
        return {
            "x": x,
            "spatial": _two_hops(near),
            # Two hops of a graph without geometry reach far too many spots.
            "similar": graphs.with_self(graphs.symmetric(alike)),
            "edges": near,
        }

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.variational import TwoGraphAttention

        return TwoGraphAttention(
            inputs["x"].shape[1], 64, clusters_from=2 * epochs // 3
        )

    recipe = Recipe(epochs, 1e-3, weight_decay=5e-3, clip=5.0)
    return Integrator(
        Neural(inputs, network, recipe),
        KMeans(),
        partial(lattice_majority, rounds=10),
        seed=seed,
        uses_image=True,
    )


def _two_hops(graph: sp.csr_matrix) -> sp.csr_matrix:
    reached = graphs.with_self(graph)
    reached = (reached @ reached).tocsr()
    reached.data[:] = 1.0
    return reached
