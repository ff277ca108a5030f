"""gpca_consensus: closed-form graph PCA, EEE mixtures, consensus, ring vote.

The house default: no seed matters, no R is needed, and the smoothing strength is
chosen by generalised cross-validation instead of by looking at labels. Graph PCA
after Yang et al. 2024 (Genome Biol 25); the mixture is mclust's EEE with a
whitened Ward start.
"""

from histobridge.integration.gpca import GraphPCAConsensus
from histobridge.registry import system


@system(
    "gpca_consensus",
    task="domains",
    needs=("counts", "coordinates"),
    status="house",
    paper="house default",
    evidence="dev/benchmarks/results/integration.csv",
)
def gpca_consensus(*, seed: int = 0) -> GraphPCAConsensus:
    """Closed-form graph PCA over a small grid, EEE mixtures, consensus, ring vote."""
    return GraphPCAConsensus(seed=seed)
