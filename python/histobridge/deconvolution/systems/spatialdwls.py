"""spatialdwls: enrichment names the types of clusters, damped least squares weigh them.

Dong and Yuan 2021, Genome Biol 22:145. Spots are clustered; types whose markers are
enriched in a cluster (PAGE) are fitted to its spots with weights 1 / fitted^2, damped
at a multiple of the smallest weight; types of a share below ``least`` are removed and
the rest fitted again. Deviations: k-means on principal components instead of Leiden;
the damping is chosen once, on the mean spot. Corrected: a cluster in which nothing is
enriched keeps all types (published: its spots are lost).
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.genes import markers, select_genes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.deconvolution.solvers import least_squares
from histobridge.normalisation import TARGET_SUM, log_normalise
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

FLOOR = 1e-6


def enrichment(values: np.ndarray, lists: list[np.ndarray]) -> np.ndarray:
    """PAGE z-score (n, n_types) of marker lists in rows of centred expression."""
    centred = values - values.mean(axis=0)
    mean, deviation = centred.mean(axis=1), np.maximum(centred.std(axis=1), FLOOR)
    scores = [
        (centred[:, genes].mean(axis=1) - mean) * np.sqrt(len(genes)) / deviation
        if len(genes)
        else np.full(len(values), -np.inf)
        for genes in lists
    ]
    return np.stack(scores, axis=1)


def damped_weights(fitted: np.ndarray, damping: float) -> np.ndarray:
    """``1 / fitted^2``, at most ``damping`` times the smallest of a row."""
    weights = 1.0 / np.maximum(fitted, FLOOR) ** 2
    return np.minimum(weights, damping * weights.min(axis=1, keepdims=True))


def damped(
    values: np.ndarray, profiles: np.ndarray, damping: float, max_iter: int = 10
) -> np.ndarray:
    """Damped weighted least squares (n, n_types)."""
    amounts = least_squares(values, profiles)
    for _ in range(max_iter):
        before = shares(amounts)
        weights = damped_weights(amounts @ profiles.T, damping)
        amounts = least_squares(values, profiles, weights, start=amounts)
        if np.abs(shares(amounts) - before).max() < 0.01:
            break
    return amounts


def choose_damping(values: np.ndarray, profiles: np.ndarray, seed: int) -> float:
    """Power of two whose solution varies least over random halves of the genes."""
    rng = np.random.default_rng(seed)
    genes = len(profiles)
    halves = [rng.permutation(genes)[: genes // 2] for _ in range(5)]
    bulk = values.mean(axis=0, keepdims=True)
    spread = {}
    for power in range(1, 10, 2):
        found = [shares(damped(bulk[:, h], profiles[h], 2.0**power)) for h in halves]
        spread[2.0**power] = np.std(found, axis=0).sum()
    return min(spread, key=lambda damping: spread[damping])


@system(
    "spatialdwls",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Dong and Yuan 2021, Genome Biol 22:145",
    evidence="dev/benchmarks/results/deconvolution.csv",
)
@deconvolver
def spatialdwls(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    n_markers: int = 100,
    n_clusters: int = 8,
    cutoff: float = 0.0,
    least: float = 0.02,
    seed: int = 0,
) -> Estimate:
    """Types named by enrichment, weighed by damped least squares.

    Clusters spots, names what is enriched in each, fits twice.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA

    logs = log_normalise(counts).toarray()
    lists = markers(signatures.profiles, n_markers)
    size = min(20, *(s - 1 for s in logs.shape))
    embedding = PCA(max(size, 1), random_state=seed).fit_transform(logs)
    k = min(n_clusters, max(1, len(logs) // 5))
    cluster = KMeans(k, n_init=4, random_state=seed).fit_predict(embedding)
    genes = select_genes(signatures, counts, "markers", n_markers)
    depth = np.asarray(counts.sum(axis=1))
    values = TARGET_SUM * counts[:, genes].toarray() / depth
    profiles = TARGET_SUM * signatures.profiles[genes]
    damping = choose_damping(values, profiles, seed)
    centre = np.stack([logs[cluster == c].mean(axis=0) for c in range(k)])
    present = enrichment(centre, lists) > cutoff
    present[~present.any(axis=1)] = True
    found = np.zeros((len(logs), len(lists)))
    for c in range(k):
        rows, types = np.flatnonzero(cluster == c), np.flatnonzero(present[c])
        first = np.zeros((len(rows), len(lists)))
        first[:, types] = shares(damped(values[rows], profiles[:, types], damping))
        found[rows] = _again(values[rows], profiles, first > least, damping)
    return Estimate(shares(found, signatures.sizes))


def _again(
    values: np.ndarray, profiles: np.ndarray, kept: np.ndarray, damping: float
) -> np.ndarray:
    """Fit spots with the same types kept together, on those types."""
    found = np.zeros(kept.shape)
    patterns, member = np.unique(kept, axis=0, return_inverse=True)
    member = member.ravel()
    for i, pattern in enumerate(patterns):
        rows, types = np.flatnonzero(member == i), np.flatnonzero(pattern)
        found[np.ix_(rows, types)] = damped(values[rows], profiles[:, types], damping)
    return found
