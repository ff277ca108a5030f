"""music: least squares that trusts genes whose expression donors agree on.

Wang et al. 2019, Nat Commun 10:380. Spots as bulk samples: counts on type profiles
times cell sizes, every gene weighted by 1 / (residual^2 + variance over donors).
Corrected: with a single donor the published weights are undefined; the variance over
its cells takes their place. All spots are solved at once.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.deconvolution.solvers import least_squares
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

CHUNK = 1024


def donor_moments(signatures: Signatures) -> tuple[np.ndarray, np.ndarray]:
    """Mean over donors of the mean share, and its variance, (n_genes, n_types)."""
    cells = signatures.shares()
    found = []
    for donor in np.unique(signatures.donors):
        member = signatures.members(donor)
        n = np.asarray(member.sum(axis=1))
        share = (member @ cells).toarray() / np.maximum(n, 1)
        found.append(np.where(n > 0, share, np.nan).T)
    if len(found) == 1:
        return signatures.mean_shares(), signatures.variance_shares()
    stack = np.stack(found)
    seen = np.isfinite(stack)
    n = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, stack, 0).sum(axis=0) / n
    spread = np.where(seen, (stack - mean) ** 2, 0).sum(axis=0) / np.maximum(n - 1, 1)
    return mean, spread


@system(
    "music",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Wang et al. 2019, Nat Commun 10:380",
    evidence="dev/benchmarks/results/deconvolution.csv",
)
@deconvolver
def music(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    nu: float = 1e-4,
    tol: float = 0.01,
    max_iter: int = 30,
    seed: int = 0,
) -> Estimate:
    """Weighted least squares by how far donors agree on a gene.

    Reweights until proportions move by less than ``tol``.
    """
    mean, variance = donor_moments(signatures)
    sizes = signatures.sizes
    depth = np.asarray(counts.sum(axis=1)).ravel()
    found = np.empty((counts.shape[0], len(sizes)))
    for first in range(0, len(found), CHUNK):
        rows = slice(first, first + CHUNK)
        values = 100 * counts[rows].toarray() / depth[rows, None]
        amounts = least_squares(values, mean * sizes)
        for _ in range(max_iter):
            share = shares(amounts)
            residual = values - amounts @ (mean * sizes).T
            spread = (100 * share * sizes) ** 2 @ variance.T
            weights = 1.0 / (nu + residual**2 + spread)
            amounts = least_squares(values, mean * sizes, weights, start=amounts)
            if np.abs(shares(amounts) - share).max() < tol:
                break
        found[rows] = amounts
    return Estimate(shares(found))
