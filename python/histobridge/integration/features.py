"""What systems start from: genes, their neighbourhoods, and image features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import contract, graphs, keys
from histobridge.images.features import morphology_columns, standardised
from histobridge.integration.embedding import component_scores, principal_components
from histobridge.normalisation import log_normalise, variable_genes

if TYPE_CHECKING:
    from anndata import AnnData


def log_genes(adata: AnnData, genes: int = 3000, least_spots: int = 1) -> sp.csr_matrix:
    """Log-normalised counts (n, genes) of the most variable genes, sparse.

    Genes seen in fewer than ``least_spots`` spots are left out first.
    """
    matrix = log_normalise(contract.counts(adata))
    seen = np.asarray((matrix > 0).sum(axis=0)).ravel()
    matrix = matrix[:, np.flatnonzero(seen >= min(least_spots, len(seen)))]
    return matrix[:, np.sort(variable_genes(matrix, genes))].tocsr()


def rotated_genes(
    adata: AnnData,
    genes: int = 3000,
    components: int | None = 200,
    *,
    scale: bool = False,
    seed: int = 0,
) -> np.ndarray:
    """Input (n, d) of a network whose first layer is linear, of mean variance one.

    A rotation of the genes changes neither what such a layer can compute nor a
    squared error of its reconstruction, so the network trains on principal axes:
    exactly so with ``components=None``, else without the noise beyond the leading
    ones. One scale for all keeps learning rates and weights of losses meaningful.
    """
    n = components or min(adata.n_obs - 1, genes)
    scores = principal_components(adata, n, genes=genes, scale=scale, seed=seed)
    return scores / max(float(np.sqrt(scores.var(axis=0).mean())), 1e-12)


def image_components(adata: AnnData, n: int = 50, seed: int = 0) -> np.ndarray | None:
    """Principal components (n_spots, n) of standardised image features, if any.

    All of ``obsm["morphology"]``, brought to unit variance within each section;
    None where the object has none.
    """
    if keys.MORPHOLOGY not in adata.obsm:
        return None
    features = sp.csr_matrix(standardised_image(adata))
    return component_scores(features, n, seed=seed)


def standardised_image(adata: AnnData) -> np.ndarray:
    """Image features (n_spots, d), zero mean and unit variance in each section.

    What is not finite counts as the mean of its section: a spot off the image still
    has genes.
    """
    columns = np.concatenate(list(morphology_columns(adata).values()))
    features = np.array(adata.obsm[keys.MORPHOLOGY], dtype=float)[:, columns]
    for spots in contract.sections(adata).values():
        part = features[spots]
        known = np.isfinite(part)
        total = np.where(known, part, 0.0).sum(axis=0)
        features[spots] = np.where(
            known, part, total / np.maximum(known.sum(axis=0), 1)
        )
    return standardised(features, graphs.section_codes(adata))


def spatial_knn(adata: AnnData, k: int) -> sp.csr_matrix:
    """Directed kNN graph of positions, block-diagonal over sections."""
    points = graphs.positions_microns(adata)
    return graphs.knn_graph(points, graphs.section_codes(adata), k)


def spatial_rings(adata: AnnData, rings: int = 1) -> sp.csr_matrix:
    """Undirected lattice neighbours; kNN 6 where the points form no lattice.

    Single cells lie at every distance, so a ring in units of their pitch would
    leave many without neighbours.
    """
    points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
    ring = graphs.ring_graph(points, sections, rings)
    typical = np.median(np.diff(ring.indptr))
    if typical >= 4:
        return ring
    return graphs.symmetric(graphs.knn_graph(points, sections, 6))


def hop_means(features: np.ndarray, graph: sp.csr_matrix, hops: int) -> np.ndarray:
    """``[X | mean at 1 hop | ... | mean at ``hops`` hops]`` (n, (hops + 1) d).

    The mean at hop l is over spots first reached at l steps, as in CellCharter.
    """
    blocks, last = [features], graph
    reached = graphs.with_self(graph)
    for hop in range(hops):
        blocks.append(graphs.row_mean(last) @ features)
        if hop == hops - 1:
            break
        further = (last @ graph > 0).astype(float)
        last = further - further.multiply(reached > 0)
        last.eliminate_zeros()
        reached = reached + last
    return np.hstack(blocks)


def augmented(features: np.ndarray, weights: sp.csr_matrix, share: float) -> np.ndarray:
    """``X + share * mean over neighbours of weight * X`` (n, d).

    The augmentation of stLearn, DeepST and their relatives; ``weights`` hold the few
    strongest neighbours of each spot.
    """
    count = np.maximum(np.diff(weights.indptr), 1)
    return features + share * (weights @ features) / count[:, None]


def similarity_weights(
    adata: AnnData, genes: np.ndarray, neighbours: int, keep: int
) -> sp.csr_matrix:
    """Space times gene correlation times image cosine on the ``keep`` best edges.

    The image enters where the object has one.
    """
    graph = graphs.symmetric(spatial_knn(adata, neighbours))
    weights = graphs.product_weights(graph, [genes], "correlation")
    image = image_components(adata)
    if image is not None:
        weights = graphs.product_weights(weights, [image])
    return graphs.strongest(weights, keep)
