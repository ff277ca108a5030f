"""spotlight: topics of cells by seeded factorisation, then least squares twice.

Elosua-Bayes et al. 2021, Nucleic Acids Res 49:e50. Non-negative factorisation of
scaled reference cells, one topic per type, seeded by markers; spots are explained by
topics, and their topics by the median topic profile of every type. Corrected: markers
without a count cannot empty a topic; cells are drawn per type, so 50,000 take no
longer than 100 per type; shares below ``least`` are dropped only where something is
left.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.genes import markers, select_genes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.deconvolution.solvers import least_squares
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

SEEDED = 1e-6


def drawn_cells(codes: np.ndarray, each: int, seed: int) -> np.ndarray:
    """At most ``each`` cells of every type."""
    rng = np.random.default_rng(seed)
    kept = [
        rng.permutation(np.flatnonzero(codes == code))[:each]
        for code in np.unique(codes)
    ]
    return np.sort(np.concatenate(kept))


def topics(
    cells: np.ndarray, codes: np.ndarray, lists: list[np.ndarray], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Topic loadings of cells and of genes, (n, k) and (k, n_genes)."""
    import warnings

    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    k = len(lists)
    of_cells = np.full((len(cells), k), SEEDED)
    of_cells[np.arange(len(cells)), codes] = 1.0
    of_genes = np.full((k, cells.shape[1]), SEEDED)
    for topic, genes in enumerate(lists):
        of_genes[topic, genes] = np.maximum(len(genes) - np.arange(len(genes)), 1)
    model = NMF(k, init="custom", max_iter=100, tol=1e-3, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        loading = model.fit_transform(cells, W=of_cells, H=of_genes)
    return loading, model.components_


@system(
    "spotlight",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Elosua-Bayes et al. 2021, Nucleic Acids Res 49:e50",
    evidence="dev/benchmarks/results/deconvolution.csv",
)
@deconvolver
def spotlight(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    n_markers: int = 100,
    n_variable: int = 500,
    n_cells: int = 100,
    least: float = 0.01,
    seed: int = 0,
) -> Estimate:
    """Seeded factorisation of cells, least squares of spots on topics.

    Trains topics on cells, then explains spots by them.
    """
    genes = np.union1d(
        select_genes(signatures, counts, "markers", n_markers),
        select_genes(signatures, counts, "variable", n_variable),
    )
    kept = drawn_cells(signatures.codes, n_cells, seed)
    # Cells and spots of equal depth, then genes of unit variance over cells.
    cells = signatures.cells[kept][:, genes].toarray()
    cells /= signatures.depth[kept, None]
    spots = counts[:, genes].toarray() / np.asarray(counts.sum(axis=1))
    scale = np.maximum(cells.std(axis=0), 1e-8)
    place = {gene: i for i, gene in enumerate(genes)}
    lists = [
        np.array([place[g] for g in genes_of], dtype=int)
        for genes_of in markers(signatures.profiles, n_markers)
    ]
    codes = signatures.codes[kept]
    loading, basis = topics(cells / scale, codes, lists, seed)
    medians = [np.median(loading[codes == k], axis=0) for k in range(len(lists))]
    profile = np.maximum(np.stack(medians), 1e-8)
    found = shares(
        least_squares(shares(least_squares(spots / scale, basis.T)), profile.T)
    )
    above = np.where(found >= least, found, 0.0)
    return Estimate(shares(np.where(above.any(axis=1, keepdims=True), above, found)))
