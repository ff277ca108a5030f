"""SpatialPCA: probabilistic PCA whose factors are Gaussian processes over space.

Shang & Zhou 2022 (Nat Commun 13:7203): ``Y = Z W' + E`` with the columns of Z drawn
from a Gaussian kernel over positions. Given the kernel's eigenvectors, loadings and
factors are in closed form and the signal ratio maximises a one-dimensional
likelihood.

Deviations: a truncated, sparse kernel and its leading eigenvectors instead of the
dense one (which runs out of memory at 160,000 spots); the length scale is
``length`` pitches instead of a density bandwidth of expression values.

Evidence: its paper; dev/benchmarks/results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.embedding import fix_signs, principal_components
from histobridge.integration.heads import Leiden
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

RATIOS = 2.0 ** np.arange(-6, 7)


@system(
    "spatialpca",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Shang & Zhou 2022, Nat Commun 13:7203",
    evidence="dev/benchmarks/results",
    deviations="sparse low-rank kernel; length scale in pitches",
)
def spatialpca(
    *, components: int = 20, length: float = 1.0, rank: int = 400, seed: int = 0
) -> Integrator:
    """Principal components whose scores are Gaussian processes over space."""

    def embed(adata: AnnData, seed: int) -> np.ndarray:
        scores = principal_components(adata, 60, genes=3000, seed=seed)
        values, vectors = _kernel(adata, length, rank, seed)
        inside = vectors.T @ scores
        ratio = max(RATIOS, key=lambda r: _likelihood(r, values, inside, scores))
        shrunk = (ratio * values / (ratio * values + 1))[:, None] * inside
        _, loadings = np.linalg.eigh(inside.T @ shrunk)
        return fix_signs(vectors @ (shrunk @ loadings[:, ::-1][:, :components]))

    return Integrator(embed, Leiden(), seed=seed)


def _kernel(
    adata: AnnData, length: float, rank: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Leading eigenpairs of the Gaussian kernel cut at three lengths."""
    from scipy.sparse.linalg import eigsh

    points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
    scale = length * graphs.pitch(points[sections == sections[0]])
    near = graphs.radius_graph(points, sections, 3 * scale)
    kernel = graphs.with_self(graphs.gaussian_weights(near, points, scale))
    start = np.random.default_rng(seed).normal(size=kernel.shape[0])
    values, vectors = eigsh(kernel, min(rank, kernel.shape[0] - 1), v0=start)
    return np.maximum(values, 0.0), vectors


def _likelihood(
    ratio: float, values: np.ndarray, inside: np.ndarray, scores: np.ndarray
) -> float:
    """Profile log-likelihood of signal over noise variance, summed over columns."""
    n = len(scores)
    grown = ratio * values + 1
    outside = (scores**2).sum(axis=0) - (inside**2).sum(axis=0)
    noise = (outside + (inside**2 / grown[:, None]).sum(axis=0)) / n
    d = scores.shape[1]
    return -0.5 * float(n * np.log(noise).sum() + d * np.log(grown).sum())
