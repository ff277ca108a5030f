"""SpatialGlue: each modality on two graphs, attention within and across modalities.

Long et al. 2024 (Nat Methods 21:1658): linear graph convolutions on spatial and on
feature neighbours, attention over both, attention over modalities, reconstruction
of each and consistency through the other; mixture.

Here the second modality is the image; without one the genes are the only modality.
Deviations: modalities are brought to equal variance instead of weights per data
set; the consistency is that of its paper, all weights one.

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
    spatial_knn,
)
from histobridge.integration.heads import Mixture
from histobridge.integration.neural import Neural
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "spatialglue",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="Long et al. 2024, Nat Methods 21:1658",
    evidence="dev/benchmarks/results",
    deviations="image as second modality; weights one; 200 epochs",
)
def spatialglue(*, epochs: int = 200, seed: int = 0) -> Integrator:
    """Attention over graphs and modalities."""

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        modalities = {
            "genes": rotated_genes(adata, 3000, 50, seed=seed),
            "image": image_components(adata, 50, seed),
        }
        spatial = graphs.symmetric(spatial_knn(adata, 3))
        out: dict[str, Any] = {"spatial": graphs.gcn_norm(spatial)}
        for name, block in modalities.items():
            if block is None:
                continue
            out[name] = block / np.sqrt(block.var(axis=0).mean())
            near = graphs.feature_graph(block, graphs.section_codes(adata), 20)
            out[f"similar_{name}"] = graphs.gcn_norm(graphs.symmetric(near))
        return out

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.convolution import DualGraphFusion

        names = [name for name in ("genes", "image") if name in inputs]
        return DualGraphFusion({name: inputs[name].shape[1] for name in names})

    recipe = Recipe(epochs, 1e-3, schedule="cosine")
    embed = Neural(inputs, network, recipe)
    return Integrator(embed, Mixture(), seed=seed, uses_image=True)
