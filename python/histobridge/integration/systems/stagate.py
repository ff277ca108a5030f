"""STAGATE: a graph attention autoencoder with tied weights.

Dong & Zhang 2022 (Nat Commun 13:1739): log-normalised genes, a graph of about six
neighbours with self loops, one head of sigmoid attention, ELU, 512 then 30; the
decoder reuses weights and attention; a shared-covariance mixture.

Deviations: the input is rotated to its 100 leading axes (a squared error of a tied
decoder is the same on rotated genes), layers are narrower and the learning rate is
larger and decays, which reaches the loss of the published schedule in a fraction
of its steps; tissue in tiles gets as many steps, hence fewer passes.
``as_published=True`` trains all genes at full width for 1,000 epochs,
on sparse input and without ever forming the reconstruction.
``pruned_share`` is the cell-type-aware graph of the paper.

Evidence: best embedding of 21 in a 47-set comparison (SOI_Bench); 151673 median
.571, 151674 .531 over 20 seeds (BenchmarkST); its author: 151676 .42 to .60 by seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.features import log_genes, rotated_genes, spatial_rings
from histobridge.integration.heads import Leiden, Mixture
from histobridge.integration.neural import Neural
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

PUBLISHED = Recipe(1000, 1e-3, weight_decay=1e-4, clip=5.0)
FAST = Recipe(200, 5e-3, weight_decay=1e-4, clip=5.0, schedule="cosine")

LEAST_EPOCHS = 50
"""Of tissue in tiles, whose every epoch has as many steps as tiles."""


@system(
    "stagate",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Dong & Zhang 2022, Nat Commun 13:1739",
    evidence="151673 .571, 151674 .531, medians of 20 seeds (BenchmarkST)",
    deviations="100 principal axes, narrower, decaying learning rate, 200 epochs",
)
def stagate(
    *,
    pruned_share: float = 0.0,
    epochs: int | None = None,
    seed: int = 0,
    as_published: bool = False,
) -> Integrator:
    """Tied graph attention autoencoder on spatial neighbours."""

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.attention import AttentionAutoencoder

        hidden = 512 if as_published else 128
        width = inputs["x"].shape[1]
        return AttentionAutoencoder(width, hidden, pruned_share=pruned_share)

    embed = Neural(
        lambda adata, seed: stagate_inputs(adata, seed, as_published, pruned_share),
        network,
        (PUBLISHED if as_published else FAST).but(epochs=epochs),
        None if as_published or epochs else LEAST_EPOCHS,
    )
    return Integrator(embed, Mixture(), seed=seed, as_published=as_published)


def stagate_inputs(
    adata: AnnData, seed: int, as_published: bool = False, pruned_share: float = 0.0
) -> dict[str, Any]:
    """Genes, graph with self loops, and the pruned graph where it has a share."""
    axes = rotated_genes(adata, 3000, 100, seed=seed)
    x = log_genes(adata, 3000) if as_published else axes
    graph = graphs.with_self(spatial_rings(adata))
    pruned = None
    if pruned_share:
        groups = Leiden(resolution=0.2)(axes[:, :30], None, seed, adata)
        pruned = graphs.label_pruned(graph, groups)
    square = (x**2).sum() if isinstance(x, np.ndarray) else x.power(2).sum()
    return {"x": x, "graph": graph, "pruned": pruned, "square": np.array([square])}
