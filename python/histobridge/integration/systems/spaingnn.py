"""SpaInGNN: a graph refined by a pre-clustering and the image, an autoencoder.

2025. Only the abstract could be read and no code was found. Assumed: expression is
pre-clustered (Leiden), spatial edges between clusters are weakened to a half, edges
are weighted by image likeness where there is an image, and a two-layer graph
convolution autoencoder reconstructs the genes; sizes are STAGATE's.

Evidence: abstract only; its claim on the olfactory bulb has no labels to score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.features import (
    image_components,
    rotated_genes,
    spatial_rings,
)
from histobridge.integration.heads import Leiden, Mixture
from histobridge.integration.neural import Neural
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "spaingnn",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="SpaInGNN 2025 (abstract)",
    evidence="abstract only",
    deviations="assumed from the abstract: pruned image-weighted graph, autoencoder",
)
def spaingnn(*, epochs: int = 200, seed: int = 0) -> Integrator:
    """Autoencoder on a graph refined by pre-clusters and image (from the abstract)."""

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        x = rotated_genes(adata, 3000, 100, seed=seed)
        groups = Leiden()(x[:, :30], None, seed, adata)
        near = graphs.label_pruned(spatial_rings(adata), groups, between=0.5)
        image = image_components(adata, 50, seed)
        if image is not None:
            near = graphs.product_weights(near, [image])
        return {"x": x, "graph": graphs.gcn_norm(near)}

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.convolution import GraphAutoencoder

        return GraphAutoencoder(inputs["x"].shape[1])

    recipe = Recipe(epochs, 3e-3, weight_decay=1e-4, schedule="cosine")
    embed = Neural(inputs, network, recipe)
    return Integrator(embed, Mixture(), seed=seed, uses_image=True)
