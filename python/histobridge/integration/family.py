"""DeepST and its relatives: augmented genes and a variational graph autoencoder."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.embedding import principal_components
from histobridge.integration.features import (
    augmented,
    similarity_weights,
    spatial_knn,
)
from histobridge.integration.heads import Leiden
from histobridge.integration.neural import Neural
from histobridge.integration.refinement import lattice_majority
from histobridge.nn.recipe import Recipe

if TYPE_CHECKING:
    from anndata import AnnData


def augmented_graph(
    *,
    components: int,
    keep: int,
    share: float,
    epochs: int,
    seed: int,
    as_published: bool,
    negatives: bool,
    attention: bool = False,
    heads: int = 0,
    sections: float = 0.0,
) -> Integrator:
    """Compose one member of the family.

    Parameters
    ----------
    components
        Principal components that enter.
    keep, share
        Neighbours a spot is joined with, and with what weight.
    negatives, attention, heads
        See :class:`~histobridge.integration.networks.variational.VariationalGraph`.
    sections
        Weight of the adversary between sections.
    """

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.variational import VariationalGraph

        weights = {"error": 10.0, "graph": 0.1, "clusters": 1.0, "sections": sections}
        return VariationalGraph(
            inputs["x"].shape[1],
            (32, 20),
            64,
            8,
            weights=weights,
            clusters=20,
            clusters_from=2 * epochs // 3,
            attention=attention,
            heads=heads,
            negatives=negatives,
            n_sections=int(inputs["sections"].max()) + 1,
            as_published=as_published,
        )

    recipe = Recipe(epochs, 5e-3, weight_decay=1e-4, clip=5.0, schedule="cosine")
    return Integrator(
        Neural(partial(_inputs, components, keep, share), network, recipe),
        Leiden(),
        lattice_majority,
        seed=seed,
        as_published=as_published,
        uses_image=True,
    )


def _inputs(
    components: int, keep: int, share: float, adata: AnnData, seed: int
) -> dict[str, Any]:
    """Scores with a share of the like neighbours' added, and the spatial graph."""
    scores = principal_components(adata, components, genes=3000, seed=seed)
    weights = similarity_weights(adata, scores, 6, keep)
    x = augmented(scores, weights, share)
    near = graphs.symmetric(spatial_knn(adata, 12))
    return {
        "x": x / np.sqrt(x.var(axis=0).mean()),
        "graph": graphs.gcn_norm(near),
        "edges": near,
        "sections": graphs.section_codes(adata),
    }
