"""Cross-modal pre-training: an image encoder that first matched expression.

Azher et al. 2024, PSB (PMC10783797). The encoder of patches is trained to match the
expression of its spot and is then used for other tasks; here the task is expression
itself, by a perceptron on the frozen encoder.

Deviations: no code was published; the contrast is BLEEP's; features of
``add_morphology`` by default (``backbone`` takes networks); no slide graph.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from histobridge.images.patches import PatchGrid
from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import image_inputs
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size


def network(size: Size, backbone: str) -> Network:
    """Contrastive stage, then a perceptron on the encoder."""
    from histobridge.nn.backbones import image_encoder
    from histobridge.nn.heads import Perceptron
    from histobridge.nn.pretraining import Matched

    width = size.width(512)
    return Matched(
        image_encoder(backbone, size, width),
        Perceptron(width, size.genes, hidden=(width,)),
        width,
        size.genes,
    )


@system(
    "crossmodal",
    task="translation",
    needs=("image",),
    paper="Azher et al. 2024, PSB (PMC10783797)",
    evidence="gains in stage and survival by its authors; none stated for expression; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="rebuilt from the abstract; expression by a head on the encoder",
)
@trainable
def crossmodal(*, backbone: str = "features") -> NeuralTranslator:
    """An encoder that first matched expression, then a head on it, frozen."""
    return NeuralTranslator(
        partial(network, backbone=backbone),
        image_inputs(backbone, PatchGrid(112, 224)),
        [
            Stage(
                Recipe(50, 1e-3, optimizer="adamw", weight_decay=1e-3),
                size=256,
                loss="match",
                trains=("encoder", "project", "tower"),
            ),
            Stage(Recipe(50, 1e-3), size=128, trains=("head",)),
        ],
    )
