"""Linear embeddings: principal components, and principal components on a graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import contract
from histobridge.normalisation import (
    TARGET_SUM,
    column_moments,
    log_normalise,
    median_depth,
    variable_genes,
)

if TYPE_CHECKING:
    from anndata import AnnData

DIRECT_LIMIT = 20_000
DENSE_LIMIT = 10_000_000
GENES_PER_ROW = 400
SERIES_ERROR = 1e-5
COLUMNS = 8
MOST_ROWS = 100_000


def principal_components(
    adata: AnnData,
    n: int = 50,
    *,
    genes: int = 2000,
    scale: bool = True,
    to_median: bool = False,
    seed: int = 0,
) -> np.ndarray:
    """Principal component scores (n_spots, n) of log-normalised counts.

    The ``genes`` most variable genes, brought to unit variance within each section
    (``scale``); scores are centred within each section, so that a batch difference
    is no component. Sparse until the small product. Depth is brought to 10,000, or
    to the median (``to_median``): where spots hold some hundred counts, log1p of
    thousands tells little but whether a gene was seen (Booeshaghi & Pachter 2021,
    Bioinformatics 37:2223).
    """
    counts = contract.counts(adata)
    matrix = log_normalise(counts, median_depth(counts) if to_median else TARGET_SUM)
    matrix = matrix[:, np.sort(variable_genes(matrix, genes))]
    sections = list(contract.sections(adata).values())
    if scale:
        parts = [matrix[spots] @ _unit_variance(matrix[spots]) for spots in sections]
        order = np.argsort(np.concatenate(sections), kind="stable")
        matrix = sp.vstack(parts).tocsr()[order]
    scores = component_scores(matrix, n, seed=seed)
    for spots in sections:
        scores[spots] -= scores[spots].mean(axis=0)
    return scores


def _unit_variance(matrix: sp.csr_matrix) -> sp.dia_matrix:
    _, variance = column_moments(matrix)
    return sp.diags(np.where(variance > 1e-12, 1 / np.sqrt(variance + 1e-12), 0.0))


def component_scores(matrix: sp.csr_matrix, n: int, *, seed: int = 0) -> np.ndarray:
    """Leading scores (rows, n) of a sparse matrix, centred implicitly."""
    from sklearn.decomposition import PCA

    rows, columns = matrix.shape
    n = max(1, min(n, min(matrix.shape) - 1))
    small = rows * columns <= DENSE_LIMIT
    if small and rows < columns:
        model = PCA(n, svd_solver="full")
        return fix_signs(model.fit_transform(matrix.toarray()))
    # The product of all pairs of genes reads a sparse matrix once, Lanczos a thousand
    # times; but pairs grow with the square of the genes in a row.
    if not small and matrix.nnz > GENES_PER_ROW * rows:
        model = PCA(n, svd_solver="arpack", random_state=seed)
        return fix_signs(model.fit_transform(sp.csr_matrix(matrix)))
    return fix_signs(_covariance_scores(matrix.toarray() if small else matrix, n, seed))


def _covariance_scores(
    matrix: np.ndarray | sp.csr_matrix, n: int, seed: int
) -> np.ndarray:
    from scipy.linalg import eigh

    mean = np.asarray(matrix.mean(axis=0)).ravel()
    if sp.issparse(matrix):
        # Some rows tell how genes vary together as well as all of them do.
        some = matrix
        if matrix.shape[0] > MOST_ROWS:
            rng = np.random.default_rng(seed)
            some = matrix[np.sort(rng.permutation(matrix.shape[0])[:MOST_ROWS])]
        product = (some.T @ some).toarray()
        own = np.asarray(some.mean(axis=0)).ravel()
        product -= some.shape[0] * np.outer(own, own)
    else:
        matrix = matrix - mean
        product, mean = matrix.T @ matrix, np.zeros(len(mean))
    last = len(mean) - 1
    # Only the leading ones: all of them would take twice as long.
    _, vectors = eigh(product, subset_by_index=[last - n + 1, last], driver="evr")
    vectors = vectors[:, ::-1]
    return matrix @ vectors - mean @ vectors


def fix_signs(scores: np.ndarray) -> np.ndarray:
    """Make the largest absolute entry of every column positive."""
    if not len(scores):
        return scores
    top = scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])]
    return scores * np.where(top < 0, -1.0, 1.0)


class GraphSmoother:
    """Solve ``(I + strength L) z = x`` for several strengths on one graph.

    L is the symmetric normalised Laplacian. Up to 20,000 spots by sparse
    factorisation, above by a series of Chebyshev polynomials.
    """

    def __init__(self, laplacian: sp.csr_matrix):
        self.laplacian = laplacian

    def __call__(self, x: np.ndarray, strength: float) -> np.ndarray:
        """Smoothed ``x`` (n, d); ``strength`` 0 returns it as it is."""
        return self.path(x, (strength,))[0]

    def path(self, x: np.ndarray, strengths: Sequence[float]) -> list[np.ndarray]:
        """Smoothed ``x`` (n, d) for each; of many spots all cost little above one."""
        if len(x) > DIRECT_LIMIT:
            return _chebyshev(self.laplacian, x, strengths)
        return [self._solved(x, strength) for strength in strengths]

    def _solved(self, x: np.ndarray, strength: float) -> np.ndarray:
        from scipy.sparse.linalg import splu

        if strength == 0:
            return x
        system = (sp.identity(len(x)) + strength * self.laplacian).tocsc()
        return splu(system).solve(np.ascontiguousarray(x))


def _chebyshev(
    laplacian: sp.csr_matrix, x: np.ndarray, strengths: Sequence[float]
) -> list[np.ndarray]:
    """``(I + strength L)^-1 x`` from polynomials that no strength changes.

    The eigenvalues of L lie in [0, 2], and on [-1, 1]
    ``1 / (a + t) = (1 + 2 sum_j r^j T_j(t)) / w`` with ``w = sqrt(a^2 - 1)`` and
    ``r = w - a``; cut where the rest is below ``SERIES_ERROR`` of ``x``.
    """
    centred = (laplacian - sp.identity(len(x))).tocsr()
    twice = 2 * centred
    series = [_coefficients(strength) for strength in strengths]
    out = [np.empty(x.shape) for _ in strengths]
    # A few columns at a time stay in the cache of the processor.
    for start in range(0, x.shape[1], COLUMNS):
        columns = slice(start, start + COLUMNS)
        new = np.array(x[:, columns], dtype=float)
        total, old, part = [new * c[0] for c in series], new, np.empty_like(new)
        for j in range(1, max(len(c) for c in series)):
            # The first polynomial is t itself, the next 2 t T_j - T_(j-1).
            step = (twice if j > 1 else centred) @ new
            if j > 1:
                step -= old
            old, new = new, step
            for z, c in zip(total, series, strict=True):
                if j < len(c):
                    z += np.multiply(new, c[j], out=part)
        for z, smooth in zip(total, out, strict=True):
            smooth[:, columns] = z
    return out


def _coefficients(strength: float) -> np.ndarray:
    """Chebyshev coefficients of ``1 / (1 + strength (1 + t))`` on [-1, 1]."""
    if strength == 0:
        return np.ones(1)
    a = 1 + 1 / strength
    w = np.sqrt(a**2 - 1)
    ratio = w - a
    least = SERIES_ERROR * strength * w * (1 - abs(ratio)) / 2
    terms = max(2, int(np.ceil(np.log(least) / np.log(abs(ratio)))))
    found = 2 * ratio ** np.arange(terms) / (strength * w)
    found[0] /= 2
    return found


def graph_components(
    scores: np.ndarray, smoother: GraphSmoother, strength: float, n: int
) -> np.ndarray:
    """Graph PCA in closed form (GraphPCA; Yang et al. 2024, Genome Biol 25).

    ``Z = (I + strength L)^-1 X W`` with W the leading eigenvectors of
    ``X' (I + strength L)^-1 X``.

    Parameters
    ----------
    scores
        (n_spots, d) centred features X.
    n
        Components kept, at most d.
    """
    return leading_components(scores, smoother(scores, strength), n)


def leading_components(scores: np.ndarray, smooth: np.ndarray, n: int) -> np.ndarray:
    """Graph PCA (n_spots, n), given what the smoother makes of the scores."""
    return fix_signs(smooth @ graph_loadings(scores, smooth, n))


def graph_loadings(scores: np.ndarray, smooth: np.ndarray, n: int) -> np.ndarray:
    """Loadings W (d, n) of graph PCA, given what the smoother makes of the scores."""
    product = scores.T @ smooth
    values, vectors = np.linalg.eigh((product + product.T) / 2)
    return vectors[:, np.argsort(-values)[:n]]
