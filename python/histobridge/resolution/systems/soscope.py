"""soscope: a latent per sub-spot, decoded to rates that sum to the spot's counts.

Li et al. 2024 (Nat Commun 15:6541). The latent is inferred from the image of the
sub-spot and from the expression around it; the sum over a spot is Poisson.
"""

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.resolution.decoders import WeakDecoder


@system(
    "soscope",
    task="resolution",
    needs=("counts", "coordinates", "image"),
    paper="Li et al. 2024, Nat Commun 15:6541",
    evidence="dev/benchmarks/results/resolution.csv",
    deviations=(
        "The abstract's model from other blocks: features of any encoder, components "
        "of the spots around instead of a learned expression encoder, Poisson only."
    ),
)
def soscope(
    *, epochs: int = 100, learning_rate: float = 3e-3, members: int = 3, seed: int = 0
) -> WeakDecoder:
    """A latent per sub-spot, decoded to rates that sum to the spot's counts."""
    return WeakDecoder(
        Recipe(epochs, learning_rate),
        inputs=("image", "expression"),
        head="latent",
        width=128,
        depth=2,
        members=members,
        seed=seed,
    )
