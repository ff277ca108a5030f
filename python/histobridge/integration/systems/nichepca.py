"""NichePCA: normalise, average over the niche, principal components.

Schaub et al. 2025 (Bioinformatics, btaf005): log-normalised genes are averaged over
25 nearest spots (10 for organs of small niches), then PCA 30 and Leiden.

Deviations: the average is taken of 100 leading components of the genes instead of
the genes themselves; averaging is linear, so only what lies beyond them is lost.

Evidence: "rivals ten state-of-the-art methods on six datasets" (abstract).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.embedding import principal_components
from histobridge.integration.features import spatial_knn
from histobridge.integration.heads import Leiden, leading
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "nichepca",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Schaub et al. 2025, Bioinformatics btaf005",
    evidence="abstract: rivals ten methods on six data sets",
    deviations="averages 100 components of the genes, not each gene",
)
def nichepca(
    *, neighbours: int = 25, components: int = 30, seed: int = 0
) -> Integrator:
    """Principal components of genes averaged over the niche."""

    def embed(adata: AnnData, seed: int) -> np.ndarray:
        scores = principal_components(adata, 100, genes=3000, scale=False, seed=seed)
        graph = graphs.with_self(spatial_knn(adata, neighbours))
        return leading(graphs.row_mean(graph) @ scores, components)

    return Integrator(embed, Leiden(), seed=seed)
