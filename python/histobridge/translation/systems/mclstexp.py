"""mclSTExp: contrast of images with expression and position, 200 nearest copied.

Min et al. 2024, Brief Bioinform 25:bbae551. Expression with the embedded row and
column of its spot meets the image in a space of 256; a test image takes the mean
expression of 200 training spots, weighted by the inverse square of the distance.

Corrected: vectors are normalised and the temperature is 0.07 (published: 1, where
the loss stays at the logarithm of the batch); spots do not attend to whatever else
is in the batch, so a prediction does not depend on it; depth is removed per spot
(published: the normaliser runs over genes). Deviation: EfficientNet-Lite0 for
DenseNet121 (``backbone`` takes others).
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


def network(size: Size, backbone: str, neighbours: int) -> Network:
    """Two towers, hard contrast, inverse-distance mean of the nearest."""
    from histobridge.nn.losses import contrastive
    from histobridge.nn.pixels import Augmentation
    from histobridge.nn.retrieval import towers

    return towers(
        size,
        backbone,
        1024,
        contrast=contrastive,
        temperature=0.07,
        neighbours=neighbours,
        weights="inverse",
        place=True,
        augmentation=Augmentation(jitter=0.5),
    )


@system(
    "mclstexp",
    task="translation",
    needs=("image", "coordinates"),
    paper="Min et al. 2024, Brief Bioinform 25:bbae551",
    evidence="HER2ST leave one section out .230 on a target that keeps depth; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="normalised, temperature .07, no attention over a batch, depth removed",
)
@trainable
def mclstexp(
    *, backbone: str = "efficientnet-lite0", neighbours: int = 200
) -> NeuralTranslator:
    """Contrast of images with expression and position; 200 nearest are copied."""
    return NeuralTranslator(
        partial(network, backbone=backbone, neighbours=neighbours),
        image_inputs(backbone, PatchGrid(microns=154, pixels=224)),
        Stage(Recipe(90, 1e-4, weight_decay=1e-3), size=128),
    )
