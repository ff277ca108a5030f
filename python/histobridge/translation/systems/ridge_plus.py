"""ridge_plus: ridge regression and a forest on colour, texture and ImageNet features.

The house default, the mean of two members that see the same features. Features are
standardised within each section, so that stain and scanner differences go without
touching expression; each spot sees itself and the mean of its surroundings; every
encoder has the same say, whatever its width. The ridge is linear and still points
the right way in foreign tissue; the forest of extremely randomised trees predicts
the leading components that genes share and wins where training and test tissue are
alike. The penalty comes from inner folds by patient, section or block.
"""

from histobridge.registry import system
from histobridge.translation.average import Average
from histobridge.translation.forest import Forest
from histobridge.translation.ridge import View, ViewRidge

VIEWS = (
    View("colour"),
    View("texture"),
    View("*"),
)


@system(
    "ridge_plus",
    task="translation",
    needs=("image", "coordinates"),
    status="house",
    paper="house default",
    evidence="dev/benchmarks/results/demo.csv",
)
def ridge_plus(*, trees: int = 200, seed: int = 0) -> Average:
    """Ridge regression and a forest on colour, texture and ImageNet features."""
    return Average([ViewRidge(VIEWS, seed=seed), Forest(trees=trees, seed=seed)])
