"""ridge_plus: depth and composition apart, each by ridge, composition by a forest too.

The house default. Features are standardised within each section, so that stain and
scanner differences go without touching expression; each spot sees itself and the mean
of its surroundings; every encoder has the same say, whatever its width; the penalty
comes from inner folds by patient, section or block.

What makes it hold in tissue unlike that of training: (1) what sequencing depth does to
every gene follows from counting and is put in as such, depth itself predicted from the
image; (2) composition, the mean of a linear ridge and of a forest on the components
that genes share, is believed in a new patient gene by gene as far as colour and texture
on one side and a network on the other agree on it over the section. ``counts=False``
leaves (1) out and lets every spot count the same, however shallow.
"""

from histobridge import keys
from histobridge.registry import system
from histobridge.translation.agreement import Believed
from histobridge.translation.base import Translator
from histobridge.translation.composite import Average
from histobridge.translation.forest import Forest
from histobridge.translation.ridge import View, ViewRidge
from histobridge.translation.sampling_depth import SamplingDepth

HANDCRAFTED = (View("colour"), View("texture"))
NETWORKS = (View("*"),)


@system(
    "ridge_plus",
    task="translation",
    needs=("image", "coordinates"),
    status="house",
    paper="house default",
    evidence="dev/benchmarks/results/demo.csv",
)
def ridge_plus(*, trees: int = 200, counts: bool = True, seed: int = 0) -> Translator:
    """Ridge and forest on colour, texture and ImageNet features, aware of depth."""
    views = (*HANDCRAFTED, *NETWORKS)
    composition = Believed(
        Average(
            [
                ViewRidge(views, by_depth=counts, seed=seed),
                Forest(trees=trees, seed=seed),
            ]
        ),
        (
            ViewRidge(HANDCRAFTED, alphas=(1.0,)),
            ViewRidge(NETWORKS, besides=keys.HANDCRAFTED, alphas=(1.0,)),
        ),
    )
    if not counts:
        return composition
    return SamplingDepth(ViewRidge(views, alphas=(1.0,)), composition)
