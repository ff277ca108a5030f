"""conST: variational graph autoencoder with contrast at several levels.

Zong et al. 2022 (bioRxiv 2022.01.14.476408): SEDR-like autoencoder of components,
image features of a masked autoencoder beside them where there are any; contrast of
a spot with its other view, with the whole (infomax) and with clusters.

Deviations: whatever morphology the object holds takes the place of its masked
autoencoder; the cluster level is self-training on soft assignments.

Evidence: 151673 .491, 151674 .412 (BenchmarkST).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge.integration.base import Integrator
from histobridge.integration.features import image_components
from histobridge.integration.heads import Leiden
from histobridge.integration.neural import Neural
from histobridge.integration.systems.sedr import graph_inputs
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

WEIGHTS = {
    "error": 10.0,
    "graph": 0.1,
    "contrast": 0.5,
    "infomax": 0.5,
    "clusters": 1.0,
}


@system(
    "const",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="Zong et al. 2022, bioRxiv 2022.01.14.476408",
    evidence="151673 .491, 151674 .412 (BenchmarkST)",
    deviations="any image features; soft assignments as the cluster level",
)
def const(*, epochs: int = 200, seed: int = 0) -> Integrator:
    """Variational graph autoencoder with contrast of spots, wholes and clusters."""

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        parts = graph_inputs(adata, 10, seed)
        image = image_components(adata, 50, seed)
        if image is not None:
            # Of the same mean variance as the genes.
            image = image / np.sqrt(image.var(axis=0).mean())
            parts["x"] = np.hstack([parts["x"], image])
        return parts

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.variational import VariationalGraph

        return VariationalGraph(
            inputs["x"].shape[1],
            (100, 20),
            32,
            8,
            weights=WEIGHTS,
            clusters_from=epochs // 2,
        )

    recipe = Recipe(epochs, 5e-3, weight_decay=1e-4, clip=5.0)
    embed = Neural(inputs, network, recipe)
    return Integrator(embed, Leiden(), seed=seed, uses_image=True)
