"""EGN: a vision transformer whose tokens consult the most similar training spots.

Yang et al. 2023, WACV. A transformer reads the sub-patches of a patch; the nine
training spots that look most alike lend their looks and their expression; squared
error and half of one minus the correlation per gene.

Corrected: exemplars never come from the spot's own patient (else section, else
block), as they will not in testing. Deviations: exemplars are found with the features
of ``add_morphology`` instead of a ResNet50; bridging follows the transformer instead
of alternating with it; expression is log1p CP10k, scaled to the training range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from histobridge.images.patches import PatchGrid
from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import Inputs
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size


def network(size: Size) -> Network:
    """Patch transformer -> exemplar bridge -> linear."""
    from histobridge.nn.bank import Bank, ExemplarBridge
    from histobridge.nn.encoders import PatchTransformer, Pixels
    from histobridge.nn.heads import Linear
    from histobridge.nn.losses import MeanSquares, Uncorrelated
    from histobridge.nn.network import Network

    width = size.width(1024)
    heads = size.heads(16, width)
    encoder = PatchTransformer(
        size.pixels, width, patch=32, depth=size.depth(8), heads=heads
    )
    bank = Bank(size.spots, size.features, size.genes)
    return Network(
        Pixels(encoder),
        Linear(width, size.genes, norm=True),
        context=[ExemplarBridge(bank, width, exemplars=9, heads=heads, layers=2)],
        terms=[MeanSquares(), Uncorrelated(weight=0.5)],
    )


@system(
    "egn",
    task="translation",
    needs=("image",),
    paper="Yang et al. 2023, WACV (arXiv 2210.16721)",
    evidence="HER2ST leave one patient out .204 (smoothed test target); "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="exemplars from other patients only, by the package's features",
)
@trainable
def egn() -> NeuralTranslator:
    """Vision transformer on a patch that consults similar training spots."""
    return NeuralTranslator(
        network,
        Inputs(patch=PatchGrid(microns=176, pixels=256), features=True),
        Stage(
            Recipe(50, 5e-4, optimizer="adamw", weight_decay=1e-4),
            size=32,
        ),
        scaling="range",
    )
