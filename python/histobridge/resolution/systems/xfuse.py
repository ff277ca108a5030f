"""xfuse: metagene rates of points that sum over a spot to its counts.

Bergenstrahle et al. 2022 (Nat Biotechnol 40:476). A point has a scale and a softmax
over metagenes; the sum of its spot's points is negative binomial. Counts are modelled
as counts, and no scaling of genes is needed.
"""

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.resolution.decoders import WeakDecoder


@system(
    "xfuse",
    task="resolution",
    needs=("counts", "coordinates", "image"),
    paper="Bergenstrahle et al. 2022, Nat Biotechnol 40:476",
    evidence="dev/benchmarks/results/resolution.csv",
    deviations=(
        "Maximum a posteriori from encoder features instead of a joint variational "
        "autoencoder of image and counts; ten metagenes instead of a number that "
        "grows and shrinks; 100 epochs."
    ),
)
def xfuse(
    *, epochs: int = 100, learning_rate: float = 3e-3, members: int = 3, seed: int = 0
) -> WeakDecoder:
    """Metagene rates of points that sum over a spot to its counts."""
    return WeakDecoder(
        Recipe(epochs, learning_rate),
        head="metagenes",
        width=128,
        depth=2,
        members=members,
        seed=seed,
    )
