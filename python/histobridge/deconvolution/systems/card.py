"""card: matrix factorisation with a conditional autoregressive prior over places.

Ma and Zhou 2022, Nat Biotechnol 40:1349. Scaled counts are B V' with B fixed (type
profiles times cell sizes) and every column of V an intrinsic autoregression over a
Gaussian kernel of places; multiplicative updates, the autocorrelation of largest
likelihood. Corrected: the kernel is sparse (cut at 3 bandwidths, 50 neighbours), so
memory grows with spots, not with their square; spots of few counts stay in.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import graphs
from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.genes import log_fold_changes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

TINY = 1e-12


def gaussian_kernel(adata: "AnnData", bandwidth: float, k: int = 50) -> sp.csr_matrix:
    """Sparse symmetric kernel (n, n) of places scaled to [0, 1], zero diagonal."""
    points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
    graph = graphs.symmetric(graphs.knn_graph(points, sections, k)).tocoo()
    span = max(float(np.ptp(points, axis=0).max()), TINY)
    apart = ((points[graph.row] - points[graph.col]) ** 2).sum(axis=1) / span**2
    weight = np.where(
        apart < (3 * bandwidth) ** 2, np.exp(-apart / (2 * bandwidth**2)), 0.0
    )
    return sp.csr_matrix((weight, (graph.row, graph.col)), shape=graph.shape)


def informative(signatures: Signatures, fold: float = 1.25) -> np.ndarray:
    """Genes of some type above the others, without the 1 % of largest dispersion."""
    mean, variance = signatures.mean_shares(), signatures.variance_shares()
    high = (log_fold_changes(mean) > fold).any(axis=1)
    dispersion = (variance / np.maximum(mean, TINY)).max(axis=1)
    chosen = np.flatnonzero(high & (dispersion <= np.quantile(dispersion, 0.99)))
    enough = len(chosen) >= len(signatures.types)
    return chosen if enough else np.arange(len(mean))


class _Model:
    """One factorisation at one autocorrelation."""

    def __init__(self, x: np.ndarray, basis: np.ndarray, kernel: sp.csr_matrix):
        self.cross, self.gram = x @ basis, basis.T @ basis
        self.square, self.size = float((x**2).sum()), x.size
        self.kernel, self.degree = kernel, np.asarray(kernel.sum(axis=1))

    def fit(self, phi: float, start: np.ndarray, max_iter: int, tol: float):
        v, n = start.copy(), len(start)
        k, d = self.kernel, self.degree
        row = d - phi * d
        previous = -np.inf
        for _ in range(max_iter):
            error = max(
                self.square - 2 * (v * self.cross).sum() + ((v @ self.gram) * v).sum(),
                TINY,
            )
            sigma = error / self.size
            b = (v * row).sum(axis=0) / max(float(row.sum()), TINY)
            centred = v - b
            quad = (centred * (d * centred - phi * (k @ centred))).sum(axis=0)
            rate = (quad / 2 + n / 2) / (n / 2 + 2)
            likelihood = (
                -self.size / 2 * np.log(sigma)
                - (n / 2 * np.log(rate) + quad / (2 * rate)).sum()
            )
            up = rate * self.cross + sigma * (phi * (k @ v) + d * b)
            down = rate * (v @ self.gram) + sigma * (d * v + phi * d * b)
            v = v * up / np.maximum(down, TINY)
            if abs(likelihood - previous) <= tol * abs(likelihood):
                break
            previous = likelihood
        return v, likelihood + start.shape[1] / 2 * self._log_determinant(phi)

    def _log_determinant(self, phi: float) -> float:
        from scipy.sparse.linalg import splu

        n = len(self.degree)
        matrix = sp.diags(self.degree.ravel() + 1e-6) - phi * self.kernel
        diagonal = splu(sp.csc_matrix(matrix)).U.diagonal()
        return float(np.log(np.maximum(np.abs(diagonal), TINY)).sum()) if n else 0.0


@system(
    "card",
    task="deconvolution",
    needs=("counts", "reference", "coordinates"),
    paper="Ma and Zhou 2022, Nat Biotechnol 40:1349",
    evidence="dev/benchmarks/results/deconvolution.csv",
    deviations="sparse kernel (3 bandwidths, 50 neighbours); spots of few counts stay",
)
@deconvolver
def card(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    bandwidth: float = 0.1,
    phis: tuple[float, ...] = (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99),
    max_iter: int = 1000,
    tol: float = 1e-5,
    seed: int = 0,
) -> Estimate:
    """Matrix factorisation with an autoregressive prior over places.

    Fits at every autocorrelation and keeps the likeliest.
    """
    genes = informative(signatures)
    basis = signatures.mean_shares()[genes] * signatures.sizes
    total = np.maximum(np.asarray(counts[:, genes].sum(axis=1)), 1.0)
    x = counts[:, genes].toarray() / total
    x *= 0.1 / max(float(x.mean()), TINY)
    basis = basis * (0.1 / max(float(basis.mean()), TINY))
    model = _Model(x, basis, gaussian_kernel(adata, bandwidth))
    rng = np.random.default_rng(seed)
    start = rng.dirichlet(np.full(basis.shape[1], 10.0), len(x))
    fits = {phi: model.fit(phi, start, max_iter, tol) for phi in phis}
    best = max(phis, key=lambda phi: fits[phi][1])
    return Estimate(shares(fits[best][0]), settings={"autocorrelation": best})
