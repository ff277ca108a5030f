"""CellCharter: features of every hop side by side, a full Gaussian mixture.

Varrone et al. 2024 (Nat Genet 56:74): a latent of the cells, the Delaunay graph
without its longest links, the means of the latent at each hop concatenated, and a
mixture of full covariances.

Deviations: principal components stand for scVI, which needs its own training.

Evidence: third of 21 embeddings in a 47-set comparison (SOI_Bench).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.embedding import principal_components
from histobridge.integration.features import hop_means
from histobridge.integration.heads import FullMixture
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "cellcharter",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Varrone et al. 2024, Nat Genet 56:74",
    evidence="third of 21 in SOI_Bench; dev/benchmarks/results",
    deviations="principal components instead of scVI",
)
def cellcharter(*, components: int = 10, hops: int = 3, seed: int = 0) -> Integrator:
    """Means of a latent at every hop, clustered by a full Gaussian mixture."""

    def embed(adata: AnnData, seed: int) -> np.ndarray:
        scores = principal_components(adata, components, scale=False, seed=seed)
        points = graphs.positions_microns(adata)
        graph = graphs.delaunay_graph(points, graphs.section_codes(adata))
        return hop_means(scores, graph, hops)

    return Integrator(embed, FullMixture(), seed=seed)
