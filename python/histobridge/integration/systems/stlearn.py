"""stLearn: SME normalisation, then clustering.

Pham et al. 2023 (Nat Commun 14:7739): every spot is joined with the mean of its
three most alike neighbours; alike in place, in genes (correlation of components)
and in the image (cosine of ResNet features). Fifteen components, clustered by
communities of 17 nearest as in its tutorial; its k-means on components of their own
variance follows little but depth.

Corrected: weights are evaluated on spatial neighbours, never on all pairs. Where
there is no image, alikeness is that of place and genes.

Evidence: median ARI .385 over the 12 cortex sections (shipped labels).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge.integration.base import Integrator
from histobridge.integration.embedding import principal_components
from histobridge.integration.features import augmented, similarity_weights
from histobridge.integration.heads import Leiden, leading
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "stlearn",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="Pham et al. 2023, Nat Commun 14:7739",
    evidence="median .385 over 12 cortex sections (shipped labels)",
    deviations="sparse weights; image features of any encoder; Leiden for Louvain",
)
def stlearn(*, neighbours: int = 6, components: int = 15, seed: int = 0) -> Integrator:
    """Genes joined with those of neighbours alike in genes and image."""

    def embed(adata: AnnData, seed: int) -> np.ndarray:
        scores = principal_components(adata, 50, genes=3000, seed=seed)
        weights = similarity_weights(adata, scores, neighbours, keep=3)
        return leading(augmented(scores, weights, 1.0), components)

    return Integrator(embed, Leiden(neighbours=17), seed=seed, uses_image=True)
