"""SiGra: graph transformers over genes and image, and over both together.

Tang et al. 2023 (Nat Commun 14:5618): transformer convolutions 512 then 30 on genes
and on image patches, a joint branch of the same kind, three decoders to the genes,
a shared-covariance mixture.

Deviations: features of the patch instead of its raw 50 x 50 pixels; 100 principal
axes; narrower; without an image the gene and joint branches train alone.

Evidence: dev/benchmarks/results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.features import (
    image_components,
    rotated_genes,
    spatial_rings,
)
from histobridge.integration.heads import Mixture
from histobridge.integration.neural import Neural
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

RECIPE = Recipe(150, 2e-3, weight_decay=1e-4, clip=5.0, schedule="cosine")


@system(
    "sigra",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="Tang et al. 2023, Nat Commun 14:5618",
    evidence="dev/benchmarks/results",
    deviations="image features, not pixels; 100 axes; narrower; 150 epochs",
)
def sigra(*, epochs: int | None = None, seed: int = 0) -> Integrator:
    """Hybrid graph transformers over genes and image."""
    return hybrid(50, epochs, seed)


def hybrid(image_width: int, epochs: int | None, seed: int) -> Integrator:
    """SiGra with that many principal components of the image."""

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        image = image_components(adata, image_width, seed)
        if image is not None:
            image = image / np.sqrt(image.var(axis=0).mean())
        return {
            "x": rotated_genes(adata, 3000, 100, seed=seed),
            "image": image,
            "graph": graphs.with_self(spatial_rings(adata)),
        }

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.attention import HybridTransformer

        image = inputs["image"]
        width = None if image is None else image.shape[1]
        return HybridTransformer(inputs["x"].shape[1], width, hidden=64)

    embed = Neural(inputs, network, RECIPE.but(epochs=epochs))
    return Integrator(embed, Mixture(), seed=seed, uses_image=True)
