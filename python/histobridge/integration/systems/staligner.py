"""STAligner: STAGATE on all sections, then mutual neighbours drawn together.

Zhou et al. 2023 (Nat Comput Sci 3:894): 500 epochs of reconstruction, then triplets
of mutual nearest neighbours between sections against random spots of one's own.

Deviations: mutual neighbours are found once, on the linear graph embedding, not
renewed from the latent every 100 epochs; sizes as in stagate. One section alone has
no pairs and is embedded as by stagate.

Evidence: all 12 cortex sections jointly .439 (notebook).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.heads import Mixture
from histobridge.integration.neural import Neural
from histobridge.integration.systems.stagate import FAST, stagate_inputs
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "staligner",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Zhou et al. 2023, Nat Comput Sci 3:894",
    evidence="12 cortex sections jointly .439 (notebook)",
    deviations="pairs found once on smoothed components; sizes as in stagate",
)
def staligner(*, epochs: int | None = None, seed: int = 0) -> Integrator:
    """Graph attention autoencoder whose sections are aligned by triplets."""
    recipe = FAST.but(epochs=epochs)

    def inputs(adata: AnnData, seed: int) -> dict[str, Any]:
        parts = stagate_inputs(adata, seed)
        sections = graphs.section_codes(adata)
        smooth = graphs.row_mean(parts["graph"]) @ parts["x"][:, :30]
        pairs = graphs.mutual_graph(smooth, sections, k=20)
        return parts | {"pairs": pairs, "sections": sections}

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.attention import AttentionAutoencoder

        width = inputs["x"].shape[1]
        return AttentionAutoencoder(width, 128, triplet_from=recipe.epochs // 2)

    return Integrator(Neural(inputs, network, recipe), Mixture(), seed=seed)
