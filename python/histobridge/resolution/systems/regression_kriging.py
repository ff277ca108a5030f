"""regression_kriging: a ridge in image features, and kriging of what it leaves.

The house default. What is continued are principal components of the roots of counts.
Range, nugget and ridge are those that predict left-out spots best, component by
component, and so are the share that the image gets and the shrinkage: where the image
helps no left-out spot, the result is plain kriging. Three answers are mixed, gene by
gene, as left-out spots tell: that kriging, the same with inverse distances for the
residuals, which keeps what is more local, and a ridge in the image alone.
"""

from histobridge.registry import system
from histobridge.resolution.house import RegressionKriging


@system(
    "regression_kriging",
    task="resolution",
    needs=("counts", "coordinates", "image"),
    status="house",
    paper="house default",
    evidence="dev/benchmarks/results/resolution.csv",
)
def regression_kriging(
    *, neighbours: int = 12, n_components: int = 50, seed: int = 0
) -> RegressionKriging:
    """A ridge in image features, and kriging of what it leaves."""
    return RegressionKriging(
        neighbours=neighbours, n_components=n_components, seed=seed
    )
