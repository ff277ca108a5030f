"""BANKSY: a cell's own genes beside the mean and the gradient around it.

Singhal et al. 2024 (Nat Genet 56:431): ``sqrt(1 - l)`` own, ``sqrt(2 l / 3)``
neighbourhood mean and ``sqrt(l / 3)`` azimuthal Gabor magnitude, with a Gaussian
kernel; standardised within each section, PCA 20, Leiden on 50 neighbours, one vote
over the ring. ``mixing`` l is .2 as in its cortex vignettes (.8 for broad domains).

Deviations: more than 30 million values (spots times genes) are first reduced to
100 principal axes, so that the matrix, three times as wide, is never formed (the
published packages fail at a million bins).

Evidence: 151673 to 151676 jointly .548, .641, .611, .565 (its notebooks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import contract, graphs
from histobridge.images.features import standardised
from histobridge.integration.base import Integrator
from histobridge.integration.embedding import component_scores, principal_components
from histobridge.integration.features import spatial_knn
from histobridge.integration.heads import Leiden
from histobridge.integration.refinement import lattice_majority
from histobridge.normalisation import depth_normalise, variable_genes
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

DENSE_LIMIT = 30_000_000


@system(
    "banksy",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Singhal et al. 2024, Nat Genet 56:431",
    evidence="151673 .548 to 151674 .641 jointly with two more (notebook)",
    deviations="principal axes instead of genes on large data",
)
def banksy(
    *,
    mixing: float = 0.2,
    neighbours: int = 18,
    genes: int = 2000,
    components: int = 20,
    seed: int = 0,
) -> Integrator:
    """Own genes, their neighbourhood mean and their local gradient, side by side."""

    def embed(adata: AnnData, seed: int) -> np.ndarray:
        own = _genes(adata, genes, seed)
        sections = graphs.section_codes(adata)
        mean, gradient = _surroundings(own, adata, neighbours)
        blocks = [
            np.sqrt(share) * standardised(block, sections)
            for share, block in (
                (1 - mixing, own),
                (2 * mixing / 3, mean),
                (mixing / 3, gradient),
            )
        ]
        return component_scores(sp.csr_matrix(np.hstack(blocks)), components, seed=seed)

    return Integrator(
        embed,
        Leiden(neighbours=50),
        lattice_majority,
        seed=seed,
    )


def _genes(adata: AnnData, genes: int, seed: int) -> np.ndarray:
    if adata.n_obs * genes > DENSE_LIMIT:
        return principal_components(adata, 100, genes=genes, seed=seed)
    matrix = depth_normalise(contract.counts(adata))
    return matrix[:, np.sort(variable_genes(matrix, genes))].toarray()


def _surroundings(
    own: np.ndarray, adata: AnnData, neighbours: int
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel mean, and magnitude of the first azimuthal moment about it."""
    points = graphs.positions_microns(adata)
    graph = spatial_knn(adata, neighbours)
    edges = graph.tocoo()
    length = np.linalg.norm(points[edges.row] - points[edges.col], axis=1)
    kernel = graphs.row_mean(
        graphs.gaussian_weights(graph, points, max(float(np.median(length)), 1e-12))
    )
    mean = kernel @ own
    edges = kernel.tocoo()
    step = points[edges.col] - points[edges.row]
    turn = np.exp(1j * np.arctan2(step[:, 1], step[:, 0])) * edges.data
    moments = []
    for part in (turn.real, turn.imag):
        weights = sp.csr_matrix((part, (edges.row, edges.col)), graph.shape)
        total = np.asarray(weights.sum(axis=1))
        moments.append(weights @ own - total * mean)
    return mean, np.hypot(*moments)
