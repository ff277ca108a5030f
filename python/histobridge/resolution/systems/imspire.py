"""imspire: spots transported to image patches by fused Gromov-Wasserstein.

Zhang et al. 2023 (ImSpiRE). Cost: distance in position and in image features.
Structure: steps on the kNN graph of expression, against steps on the graphs of
positions and features. A patch is a mixture of measured spots.
"""

from histobridge.registry import system
from histobridge.resolution.transport import Transport


@system(
    "imspire",
    task="resolution",
    needs=("counts", "coordinates", "image"),
    paper="ImSpiRE, Zhang et al. 2023",
    evidence="dev/benchmarks/results/resolution.csv",
    deviations=(
        "Blocks of neighbouring spots instead of one dense plan; a spot reaches 1.5 "
        "pitches; projected instead of conditional gradients; features of "
        "any encoder instead of grey-level co-occurrence; counts are conserved per "
        "spot where the published patches are scaled to a million."
    ),
)
def imspire(
    *,
    image: float = 0.5,
    structure: float = 0.5,
    epsilon: float = 0.01,
    iterations: int = 10,
    seed: int = 0,
) -> Transport:
    """Spots transported to image patches by fused Gromov-Wasserstein."""
    return Transport(image, structure, epsilon, iterations, seed=seed)
