"""bayesspace: sub-spot components under a Potts prior, spot means kept, no image.

Zhao et al. 2021 (Nat Biotechnol 39:1375). Components of sub-spots follow t-distributed
clusters whose labels a Potts model smooths; proposals keep the mean of a spot. Genes
come back by regression on the components.
"""

from histobridge.registry import system
from histobridge.resolution.potts import PottsEnhancer


@system(
    "bayesspace",
    task="resolution",
    needs=("counts", "coordinates"),
    paper="Zhao et al. 2021, Nat Biotechnol 39:1375",
    evidence="dev/benchmarks/results/resolution.csv",
    deviations=(
        "Square sub-spots, also between spots, instead of six triangles; neighbours "
        "from a search tree, never a dense distance matrix; labels by Gibbs on the "
        "two colours of the lattice instead of Metropolis; by default the mode, "
        "found in seconds, instead of 100,000 draws (method 'mcmc' draws, 1,000 "
        "times); linear regression instead of boosted trees."
    ),
)
def bayesspace(
    *,
    method: str = "map",
    n_clusters: int = 7,
    n_components: int = 15,
    smoothing: float = 2.0,
    iterations: int = 1000,
    burn_in: int = 200,
    seed: int = 0,
) -> PottsEnhancer:
    """Sub-spot components under a Potts prior, spot means kept, no image."""
    return PottsEnhancer(
        method=method,
        n_clusters=n_clusters,
        n_components=n_components,
        smoothing=smoothing,
        iterations=iterations,
        burn_in=burn_in,
        seed=seed,
    )
