"""mcgae: neighbours in a joint embedding of expression, place and image.

Yang et al. 2024 (MCGAE) names deconvolution among the uses of its embedding but
releases none, so this route is ours: spots borrow from the nearest spots in an
embedding of graph-smoothed expression and weighted morphology, the linear part of
that model, instead of from the nearest places, under the likelihood of
``poisson_image``. The weight of morphology is the published 1.9.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import graphs, keys
from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.gamma_poisson import maximum_likelihood, posterior
from histobridge.deconvolution.mixture import Mixture
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.priors import averaging
from histobridge.deconvolution.signatures import Signatures
from histobridge.images.features import morphology_columns, spot_features
from histobridge.normalisation import log_normalise
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


def embedding(
    adata: "AnnData", counts: sp.csr_matrix, size: int, morphology: float, seed: int
) -> np.ndarray:
    """Components of smoothed expression beside those of the image (n_spots, d)."""
    from sklearn.decomposition import PCA

    logs = log_normalise(counts).toarray()
    if keys.SPATIAL in adata.obsm:
        points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
        logs = graphs.neighbour_mean(logs, points, sections, 4)
    blocks = [logs]
    weights = [1.0]
    if keys.MORPHOLOGY in adata.obsm:
        columns = np.concatenate(list(morphology_columns(adata).values()))
        blocks.append(spot_features(adata, columns, (1,)))
        weights.append(morphology)
    found = []
    for block, weight in zip(blocks, weights, strict=True):
        d = max(1, min(size, block.shape[0] - 1, block.shape[1]))
        part = PCA(d, random_state=seed).fit_transform(block)
        found.append(weight * part / max(float(part.std()), 1e-12))
    return np.concatenate(found, axis=1)


@system(
    "mcgae",
    task="deconvolution",
    needs=("counts", "reference", "coordinates", "image"),
    paper="after Yang et al. 2024 (MCGAE), which releases no deconvolution",
    evidence="dev/benchmarks/results/deconvolution.csv",
    deviations="a route of our own: MCGAE releases no deconvolution",
)
@deconvolver
def mcgae(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    size: int = 20,
    neighbours: int = 10,
    morphology: float = 1.9,
    strength: float = 10.0,
    platform: float = 3000.0,
    seed: int = 0,
) -> Estimate:
    """Poisson mixture with neighbours in a joint embedding."""
    points = embedding(adata, counts, size, morphology, seed)
    graph = graphs.knn_graph(points, graphs.section_codes(adata), neighbours)
    mixture = Mixture.of(counts, signatures.profiles, platform)
    start = maximum_likelihood(mixture)
    average = averaging(graphs.symmetric(graph))
    fit = posterior(mixture, start, average, strength)
    return Estimate(shares(fit.mean, signatures.sizes))
