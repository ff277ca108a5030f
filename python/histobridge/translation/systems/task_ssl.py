"""Task-specific self-supervision: two views of a patch agree, then a head.

After Rahman et al. 2025, who compare self-supervision on the task's own images with
transfer and with foundation models. A small residual network learns by SimCLR from the
training patches and is then frozen under a perceptron.

Deviations: rebuilt from the idea; the published networks and data are not at hand.
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
    """SimCLR on patches, perceptron on the frozen encoder."""
    from histobridge.nn.backbones import image_encoder
    from histobridge.nn.heads import Perceptron
    from histobridge.nn.pixels import Augmentation
    from histobridge.nn.pretraining import TwoViews

    width = size.width(512)
    return TwoViews(
        image_encoder("residual", size, width),
        Perceptron(width, size.genes, hidden=(width,)),
        width,
        augmentation=Augmentation(jitter=0.2),
    )


@system(
    "task_ssl",
    task="translation",
    needs=("image",),
    paper="after Rahman et al. 2025",
    evidence="none known for this form; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="SimCLR on training patches; small residual network",
)
@trainable
def task_ssl() -> NeuralTranslator:
    """SimCLR on training patches, then a head on the frozen encoder."""
    return NeuralTranslator(
        network,
        Inputs(patch=PatchGrid(112, 112)),
        [
            Stage(Recipe(100, 1e-3), size=256, loss="agreement"),
            Stage(Recipe(50, 1e-3), size=128, trains=("head",)),
        ],
    )
