"""colour_filters: stains of a pixel and of its surroundings, weighed by a ridge.

House default. The densities of haematoxylin, eosin and the residual, their means and
spreads over three Gaussian surroundings, and one weight for each: since the mean over
a spot is linear, weights fitted to spots paint pixels. Closed form, seconds on a CPU,
and the floor that a network has to pass.
"""

from histobridge.registry import system
from histobridge.staining.filters import LinearStainer
from histobridge.translation.options import trainable


@system(
    "colour_filters",
    task="staining",
    needs=("image", "coordinates", "counts"),
    status="house",
    paper="house default",
    evidence="dev/benchmarks/results/staining.csv",
    deviations="none: no publication",
)
@trainable
def colour_filters() -> LinearStainer:
    """Ridge on stains around a pixel, fitted to pixels or to means over spots."""
    return LinearStainer()
