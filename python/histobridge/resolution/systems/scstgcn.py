"""scstgcn: weak supervision of iStar with a graph network over superpixels.

Xue et al. 2025 (Briefings in Bioinformatics 26:bbae630). Image features, colour and
position pass two graph convolutions over the four neighbours on the grid.
"""

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.resolution.decoders import WeakDecoder


@system(
    "scstgcn",
    task="resolution",
    needs=("counts", "coordinates", "image"),
    paper="Xue et al. 2025, Brief Bioinform 26:bbae630",
    evidence="dev/benchmarks/results/resolution.csv",
    deviations=(
        "Features of any encoder instead of UNI, whose weights are gated; the graph "
        "is normalised and spans the section, so that windows leave no seams; learning "
        "rate 3e-3 and 100 epochs of 1,024 spots at once; sums are conserved per spot."
    ),
)
def scstgcn(
    *, epochs: int = 100, learning_rate: float = 3e-3, members: int = 5, seed: int = 0
) -> WeakDecoder:
    """Weak supervision of iStar with a graph network over superpixels."""
    return WeakDecoder(
        Recipe(epochs, learning_rate),
        inputs=("image", "position"),
        depth=2,
        width=256,
        graph=True,
        dropout=0.5,
        batch=1024,
        members=members,
        seed=seed,
    )
