"""stMDA: Gaussian codes of genes, of genes on the graph, and of the image, averaged.

2024 (stMDA; code zccqq/stMDA): encoders of width 10 averaged .4, .4, .2 (.5, .5
without an image); reconstruction, a third of the divergences, and a quarter of the
squared distances between modalities; Leiden.

The "domain adaptation" of its name aligns modalities; batches are read by the
published code and never used. Deviations: 100 principal axes of log-normalised
genes (its demo skips the library size); 300 epochs; k by resolution.

Evidence: none that could be re-scored.
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
from histobridge.integration.heads import Leiden
from histobridge.integration.neural import Neural
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "stmda",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="stMDA 2024 (zccqq/stMDA)",
    evidence="none that could be re-scored; dev/benchmarks/results",
    deviations="library size normalised; 100 axes; 300 epochs",
)
def stmda(*, epochs: int = 300, seed: int = 0) -> Integrator:
    """Aligned Gaussian codes of genes, graph and image."""

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        image = image_components(adata, 50, seed)
        if image is not None:
            image = image / np.sqrt(image.var(axis=0).mean())
        graph = graphs.with_self(spatial_rings(adata))
        return {
            "x": rotated_genes(adata, 3000, 100, seed=seed),
            "graph": graphs.row_mean(graph),
            "image": image,
        }

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.variational import Modalities

        image = inputs["image"]
        width = None if image is None else image.shape[1]
        return Modalities(inputs["x"].shape[1], width)

    embed = Neural(inputs, network, Recipe(epochs, 3e-3, schedule="cosine"))
    return Integrator(embed, Leiden(), seed=seed, uses_image=True)
