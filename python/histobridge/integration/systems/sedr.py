"""SEDR: a masked dense encoder beside a variational graph autoencoder.

Xu et al. 2024 (Genome Med 16:12): PCA 200 of scaled genes, twelve neighbours, a
dense code of 16 beside graph means of 16, reconstruction 10, graph .1, masked
cosine error 1, then clusters.

Corrected: masked spots are hidden behind the token (published: the token is added
and nothing hidden, and the masked input is the target); non-edges are sampled
(published: an O(N^2) loop that takes positions for names). Deviations: genes are
logged; clusters start after half of 200 epochs. ``as_published=True`` adds the
token.

Evidence: 151673 .487, 151674 .464 (version of 2021, BenchmarkST).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.features import rotated_genes, spatial_knn
from histobridge.integration.heads import Mixture
from histobridge.integration.neural import Neural
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

WEIGHTS = {"error": 10.0, "graph": 0.1, "masked": 1.0, "clusters": 1.0}


@system(
    "sedr",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Xu et al. 2024, Genome Med 16:12",
    evidence="151673 .487, 151674 .464 (BenchmarkST)",
    deviations="hides what it masks; sampled non-edges; logged genes",
)
def sedr(*, epochs: int = 200, seed: int = 0, as_published: bool = False) -> Integrator:
    """Masked dense encoder beside a variational graph autoencoder."""

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.variational import VariationalGraph

        return VariationalGraph(
            inputs["x"].shape[1],
            (64, 16),
            64,
            16,
            weights=WEIGHTS,
            mask=0.8,
            clusters_from=epochs // 2,
            as_published=as_published,
        )

    recipe = Recipe(epochs, 0.01, weight_decay=0.01, clip=5.0)
    return Integrator(
        Neural(lambda adata, seed: graph_inputs(adata, 12, seed), network, recipe),
        Mixture(),
        seed=seed,
        as_published=as_published,
    )


def graph_inputs(adata: AnnData, neighbours: int, seed: int) -> dict[str, Any]:
    """Scaled components, normalised graph, edges and sections."""
    near = graphs.symmetric(spatial_knn(adata, neighbours))
    return {
        "x": rotated_genes(adata, 2000, 200, scale=True, seed=seed),
        "graph": graphs.gcn_norm(near),
        "edges": near,
        "sections": graphs.section_codes(adata),
    }
