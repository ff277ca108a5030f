"""istar: a network from features of superpixels, fitted to the mean of each spot.

Zhang et al. 2024 (Nat Biotechnol 42:1372). Four hidden layers, genes scaled to their
range, squared error of the mean over the superpixels of a spot, median of five
restarts.
"""

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.resolution.decoders import WeakDecoder


@system(
    "istar",
    task="resolution",
    needs=("counts", "coordinates", "image"),
    paper="Zhang et al. 2024, Nat Biotechnol 42:1372",
    evidence="dev/benchmarks/results/resolution.csv",
    deviations=(
        "Features of any encoder instead of HIPT, whose weights cannot be shipped; "
        "learning rate 1e-3 and 100 epochs instead of 1e-4 and 400; the grid is the "
        "common one; sums are conserved per spot."
    ),
)
def istar(
    *, epochs: int = 100, learning_rate: float = 1e-3, members: int = 5, seed: int = 0
) -> WeakDecoder:
    """A network from features of superpixels, fitted to the mean of each spot."""
    return WeakDecoder(Recipe(epochs, learning_rate), members=members, seed=seed)
