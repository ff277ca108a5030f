"""PearlST: diffused genes, a graph autoencoder, an adversary on its latent.

Wang et al. 2024 (PearlST; code SunXQlab/PearlST): diffusion between alike
neighbours, a graph autoencoder 256 then 32 on the alpha complex, a Wasserstein
critic with gradient penalty, k-means.

Corrected: genes are diffused over tissue only. The published code first runs
Perona-Malik diffusion on each spot's genes folded to a 50 x 40 picture, so that
genes next to each other in the file blur; ``as_published=True`` keeps that. It also
prints the true ARI while it trains, with epochs tuned per data set; here epochs are
fixed. Deviations: one simultaneous critic step by gradient reversal; slope target 1
(published .01); sampled non-edges.

Evidence: figures only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.embedding import principal_components
from histobridge.integration.features import augmented, log_genes, similarity_weights
from histobridge.integration.heads import KMeans, leading
from histobridge.integration.neural import Neural
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "pearlst",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="PearlST 2024 (SunXQlab/PearlST)",
    evidence="figures only; dev/benchmarks/results",
    deviations="no diffusion over the order of genes; fixed epochs; one critic step",
)
def pearlst(
    *, epochs: int = 300, seed: int = 0, as_published: bool = False
) -> Integrator:
    """Diffused genes through an adversarial graph autoencoder."""

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        scores = principal_components(adata, 100, genes=2000, seed=seed)
        if as_published:
            scores = leading(folded_diffusion(log_genes(adata, 2000).toarray()), 100)
        weights = similarity_weights(adata, scores, 30, keep=4)
        for _ in range(4):
            scores = (scores + augmented(scores, weights, 1.0)) / 2
        points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
        near = graphs.alpha_graph(points, sections)
        return {
            "x": scores / np.sqrt(scores.var(axis=0).mean()),
            "graph": graphs.gcn_norm(near),
            "edges": near,
        }

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.variational import AdversarialGraph

        return AdversarialGraph(inputs["x"].shape[1])

    embed = Neural(inputs, network, Recipe(epochs, 1e-3))
    return Integrator(
        embed, KMeans(), seed=seed, as_published=as_published, uses_image=True
    )


def folded_diffusion(
    genes: np.ndarray, kappa: float = 0.2, rate: float = 0.1, steps: int = 3
) -> np.ndarray:
    """Perona-Malik diffusion of each row (n, g) folded into rows of 40 genes."""
    n, g = genes.shape
    folded = np.pad(genes, ((0, 0), (0, -g % 40))).reshape(n, -1, 40)
    for _ in range(steps):
        change = np.zeros_like(folded)
        for axis in (1, 2):
            step = np.diff(folded, axis=axis)
            flow = step * np.exp(-((step / kappa) ** 2))
            first = [(0, 0)] * 3
            last = [(0, 0)] * 3
            first[axis], last[axis] = (1, 0), (0, 1)
            change += np.pad(flow, last) - np.pad(flow, first)
        folded = folded + rate * change
    return folded.reshape(n, -1)[:, :g]
