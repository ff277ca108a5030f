"""STAIG: neighbour contrast on a graph whose edges the image keeps or drops.

Yang et al. 2025 (Nat Commun 16:1067): one graph convolution of 64, two views with
edges dropped by image dissimilarity, InfoNCE with neighbours as positives, spots of
one image cluster no negatives to each other, mixture, vote of 15.

Corrected: one recipe for every section (published: seeds chosen per section).
Deviations: any image features instead of its BYOL encoder; 200 axes; without an
image every edge is kept with probability .7 and no negative is masked.

Evidence: 151673 .686 (notebook); users' mean .578 over the 12 cortex sections.
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
from histobridge.integration.heads import KMeans, Mixture
from histobridge.integration.neural import Neural
from histobridge.integration.refinement import majority_vote
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

KEPT = 0.7


@system(
    "staig",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="Yang et al. 2025, Nat Commun 16:1067",
    evidence="151673 .686 (notebook); users' mean .578 over 12 sections",
    deviations="one seed for all sections; any image features; 200 axes",
)
def staig(*, epochs: int = 200, seed: int = 0) -> Integrator:
    """Neighbour contrast on an image-weighted graph."""

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        near = graphs.symmetric(spatial_knn(adata, 5))
        image, groups = image_components(adata, 50, seed), None
        kept = near * KEPT
        if image is not None:
            alike = graphs.product_weights(near, [image])
            kept = (near * KEPT + alike * (1 - KEPT)).tocsr()
            k = int(np.clip(len(image) // 10, 1, 80))
            groups = KMeans()(image, k, seed, adata)
        return {
            "x": rotated_genes(adata, 3000, 200, scale=True, seed=seed),
            "graph": graphs.with_self(kept),
            "positive": near,
            "groups": groups,
        }

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.convolution import NeighbourContrast

        return NeighbourContrast(inputs["x"].shape[1])

    return Integrator(
        Neural(inputs, network, Recipe(epochs, 5e-4)),
        Mixture(),
        lambda labels, adata: majority_vote(labels, spatial_knn(adata, 15)),
        seed=seed,
        uses_image=True,
    )
