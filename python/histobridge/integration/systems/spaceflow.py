"""SpaceFlow: deep graph infomax on the alpha complex, with a spatial penalty.

Ren et al. 2022 (Nat Commun 13:4076): two graph convolutions, infomax against
shuffled spots, latent 50; pairs near in latent but far in space cost .1; Leiden on
50 neighbours.

Corrected: the penalty compares random pairs (the published accelerated path
compares a subset with itself, which costs nothing; ``as_published=True`` leaves it
out). Deviations: 100 principal axes of the genes; 300 epochs.

Evidence: CCST, of the same infomax family, 151673 .387 (BenchmarkST).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.features import rotated_genes
from histobridge.integration.heads import Leiden
from histobridge.integration.neural import Neural
from histobridge.nn.recipe import Recipe
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "spaceflow",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Ren et al. 2022, Nat Commun 13:4076",
    evidence="dev/benchmarks/results",
    deviations="penalty on random pairs; 100 principal axes; 300 epochs",
)
def spaceflow(
    *, epochs: int = 300, seed: int = 0, as_published: bool = False
) -> Integrator:
    """Graph infomax on the alpha complex with a spatial penalty."""

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
        graph = graphs.alpha_graph(points, sections)
        return {
            "x": rotated_genes(adata, 3000, 100, seed=seed),
            "graph": graphs.gcn_norm(graph),
            "points": points / graphs.pitch(points[sections == sections[0]]),
            "sections": sections,
        }

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.convolution import SpatialInfomax

        penalty = 0.0 if as_published else 0.1
        return SpatialInfomax(inputs["x"].shape[1], penalty=penalty)

    embed = Neural(inputs, network, Recipe(epochs, 1e-3))
    head = Leiden(neighbours=50)
    return Integrator(embed, head, seed=seed, as_published=as_published)
