"""tesla: inverse distances in position and colour to the ten nearest spots.

Hu et al. 2023 (Cell Systems 14:404). Colour is one more coordinate: the grey value,
stretched to the spread of the positions. Spots further away than the distance that a
tenth of n nearest ones would have are not used.
"""

import numpy as np

from histobridge import graphs
from histobridge.registry import system
from histobridge.resolution.interpolation import Interpolator, with_colour


@system(
    "tesla",
    task="resolution",
    needs=("counts", "coordinates", "image"),
    paper="Hu et al. 2023, Cell Systems 14:404",
    evidence="dev/benchmarks/results/resolution.csv",
    deviations=(
        "The published code measures the colour of spots and of superpixels in "
        "different ways; here both are on one axis. A point without any spot in "
        "reach takes the nearest instead of 0. Sums are conserved per spot."
    ),
)
def tesla(
    *, neighbours: int = 10, power: float = 2.0, scale: float = 1.0, seed: int = 0
) -> Interpolator:
    """Inverse distances in position and colour to the ten nearest spots."""

    def furthest(spots: np.ndarray, points: np.ndarray) -> float:
        # The quantile of all distances at the share that the neighbours are.
        some = points[:: max(1, len(points) // 500)]
        share = min(1.0, neighbours / len(spots))
        distance, _ = graphs.nearest(spots, len(spots), some)
        return float(np.quantile(distance, share))

    return Interpolator(with_colour(neighbours, power, scale, furthest))
