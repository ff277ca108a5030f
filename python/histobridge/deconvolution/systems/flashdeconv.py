"""flashdeconv: log counts on log signatures, graph Laplacian and L1, in one sweep.

After Zhang et al., the PyPI package of that name: minimise
``|Y - B X|^2 / 2 + lambda tr(B' L B) / 2 + rho |B|_1`` over ``B >= 0`` on genes of
large leverage, by descent over types with all spots at once. Deviations: genes are
not sketched but chosen (``leverage``), and values are shares divided by the root of
their expected variance, not logs, so that mixtures stay linear. The Laplacian is that
of the 6 nearest spots. Its weight, relative to the mean diagonal of X X', is the one
that predicts unread genes best: a fixed one blurs tissue whose neighbours differ.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import keys
from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.held_out_genes import compact_part
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.priors import spatial_graph
from histobridge.deconvolution.signatures import Signatures
from histobridge.deconvolution.solvers import TINY
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
FOLDS = 5


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


@dataclass(frozen=True)
class Regression:
    """Weighted least squares of shares on signatures, reduced to types.

    Attributes
    ----------
    gram : (n_types, n_types)
    target : (n_spots, n_types)
    """

    gram: np.ndarray
    target: np.ndarray

    @classmethod
    def of(
        cls, counts: sp.csr_matrix, depth: np.ndarray, profiles: np.ndarray
    ) -> "Regression":
        """Of counts (n_spots, n_genes) of the genes of ``profiles``."""
        # Counting noise of a share grows with the share.
        weight = 1.0 / np.maximum(profiles.mean(axis=1), 1e-6)
        right = (weight[:, None] * profiles).astype(np.float32)
        gram = (profiles.T @ right).astype(np.float32)
        return cls(gram, np.asarray(counts @ right, dtype=np.float32) / depth)

    def without(self, part: "Regression") -> "Regression":
        """The regression on the other genes."""
        return Regression(self.gram - part.gram, self.target - part.target)

    def gain(self, amounts: np.ndarray) -> float:
        """Squared length of the shares less that of what is left of them."""
        fitted = amounts @ self.gram
        return float(np.vdot(amounts, 2 * self.target - fitted))


def held_out_strength(
    counts: sp.csr_matrix,
    depth: np.ndarray,
    profiles: np.ndarray,
    graph: sp.csr_matrix,
    sparse: float,
    seed: int,
) -> float:
    """Weight of the Laplacian that predicts genes best that were not read.

    The noise of a weighted share is that of its depth, whichever genes are read, so
    a weight found on some of the genes is that of all.

    Returns
    -------
    Relative to the mean diagonal of the gram matrix of all genes.
    """
    order = np.random.default_rng(seed).permutation(len(profiles))
    parts = [
        Regression.of(counts[:, genes], depth, profiles[genes])
        for genes in np.array_split(order, min(FOLDS, len(order)))
    ]
    whole = Regression.of(counts, depth, profiles)
    level = float(np.diagonal(whole.gram).mean())
    gains = {}
    for strength in (0.0, *STRENGTHS):
        weights = (strength * level, sparse * level)
        gains[strength] = 0.0
        for part in parts:
            read = whole.without(part)
            found = graph_descent(read.gram, read.target, graph, *weights)
            gains[strength] += part.gain(found)
    return max(gains, key=lambda strength: gains[strength])


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
    smooth: float | None = None,
    sparse: float = 0.01,
    seed: int = 0,
) -> Estimate:
    """Graph-regularised least squares for a hundred thousand spots.

    Parameters
    ----------
    smooth, sparse
        Weights of Laplacian and L1 relative to the mean diagonal of the gram matrix
        of the signatures; ``None``: the Laplacian's is chosen on held-out genes.
    """
    genes = select_genes(signatures, counts, "leverage", n_genes)
    profiles = signatures.profiles[genes]
    depth = np.asarray(counts.sum(axis=1), dtype=np.float32)
    picked = counts if len(genes) == counts.shape[1] else counts[:, genes]
    graph = None
    if keys.SPATIAL in adata.obsm and smooth != 0:
        graph = spatial_graph(adata).astype(np.float32)
    if graph is None:
        smooth = 0.0
    elif smooth is None:
        rows = compact_part(adata, adata.n_obs)
        smooth = held_out_strength(
            picked[rows], depth[rows], profiles, graph[rows][:, rows], sparse, seed
        )
    problem = Regression.of(picked, depth, profiles)
    level = float(np.diagonal(problem.gram).mean())
    amounts = graph_descent(
        problem.gram, problem.target, graph, smooth * level, sparse * level
    )
    found = shares(amounts, signatures.sizes)
    return Estimate(found, settings={"strength": smooth})
