"""flashdeconv: log counts on log signatures, graph Laplacian and L1, in one sweep.

After Zhang et al., the PyPI package of that name: minimise
``|Y - B X|^2 / 2 + lambda tr(B' L B) / 2 + rho |B|_1`` over ``B >= 0`` on genes of
large leverage, by descent over types with all spots at once. Deviations: genes are
not sketched but chosen (``leverage``), and values are shares divided by the root of
their expected variance, not logs, so that mixtures stay linear. The Laplacian is that
of the 6 nearest spots; its weight is relative to the mean diagonal of X X'.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import keys
from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.priors import spatial_graph
from histobridge.deconvolution.signatures import Signatures
from histobridge.deconvolution.solvers import TINY
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


def graph_descent(
    gram: np.ndarray,
    target: np.ndarray,
    graph: sp.csr_matrix | None,
    smooth: float,
    sparse: float,
    *,
    max_iter: int = 200,
    tol: float = 1e-3,
) -> np.ndarray:
    """Minimise least squares + Laplacian + L1 over ``x >= 0`` for all spots at once.

    Types in turn (Gauss-Seidel), neighbours from the sweep before (Jacobi).

    Parameters
    ----------
    gram
        (k, k) of the signatures.
    target
        (n, k) products of spots and signatures.
    graph
        (n, n) symmetric weights.
    """
    x = np.zeros(target.shape, dtype=target.dtype)
    degree = np.zeros(len(x), dtype=target.dtype)
    pulled = np.zeros_like(x)
    if graph is not None and smooth:
        degree = smooth * np.asarray(graph.sum(axis=1), dtype=target.dtype).ravel()
    for _ in range(max_iter):
        if graph is not None and smooth:
            pulled = smooth * (graph @ x)
        largest = 0.0
        for k in range(x.shape[1]):
            rest = x @ gram[k] - gram[k, k] * x[:, k]
            new = target[:, k] + pulled[:, k] - rest - sparse
            new /= np.maximum(gram[k, k] + degree, TINY)
            np.maximum(new, 0, out=new)
            largest = max(largest, float(np.abs(new - x[:, k]).max(initial=0)))
            x[:, k] = new
        if largest <= tol * max(float(x.max(initial=0)), TINY):
            break
    return x


@system(
    "flashdeconv",
    task="deconvolution",
    needs=("counts", "reference", "coordinates"),
    paper="FlashDeconv, PyPI flashdeconv 0.2 (BSD-3)",
    evidence="dev/benchmarks/results/deconvolution_speed.csv",
    deviations=(
        "genes chosen by leverage, not sketched; shares over the root of their "
        "variance, not logs"
    ),
)
@deconvolver
def flashdeconv(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    n_genes: int = 2000,
    smooth: float = 0.01,
    sparse: float = 0.01,
    seed: int = 0,
) -> Estimate:
    """Graph-regularised least squares for a hundred thousand spots."""
    genes = select_genes(signatures, counts, "leverage", n_genes)
    profiles = signatures.profiles[genes]
    # Counting noise of a share grows with the share.
    weight = 1.0 / np.maximum(profiles.mean(axis=1), 1e-6)
    right = (weight[:, None] * profiles).astype(np.float32)
    gram = (profiles.T @ right).astype(np.float32)
    depth = np.asarray(counts.sum(axis=1), dtype=np.float32)
    picked = counts if len(genes) == counts.shape[1] else counts[:, genes]
    target = np.asarray(picked @ right, dtype=np.float32) / depth
    level = float(np.diagonal(gram).mean())
    graph = spatial_graph(adata) if keys.SPATIAL in adata.obsm and smooth else None
    if graph is not None:
        graph = graph.astype(np.float32)
    amounts = graph_descent(gram, target, graph, smooth * level, sparse * level)
    return Estimate(shares(amounts, signatures.sizes))
