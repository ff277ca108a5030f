"""BLEEP: images and expression in one space, expression copied from the nearest.

Xie et al. 2023, NeurIPS. An image network and an expression network are trained with
targets softened by similarity within each side; a test image takes the mean
expression of the 50 training spots whose expression vectors are nearest.

Deviations: EfficientNet-Lite0 for ResNet50 (``backbone`` takes others); no Harmony
over training and test together; 20 epochs (published 4, on far more spots).
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
    """Two towers, soft contrast, mean of the nearest."""
    from histobridge.nn.losses import soft_contrastive
    from histobridge.nn.pixels import Augmentation
    from histobridge.nn.retrieval import towers

    return towers(
        size,
        backbone,
        2048,
        contrast=soft_contrastive,
        neighbours=neighbours,
        augmentation=Augmentation(),
    )


@system(
    "bleep",
    task="translation",
    needs=("image",),
    paper="Xie et al. 2023, NeurIPS (arXiv 2306.01859)",
    evidence="HER2ST leave one section out .187 (same patient in training); "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="EfficientNet-Lite0 for ResNet50; no Harmony over test spots",
)
@trainable
def bleep(
    *, backbone: str = "efficientnet-lite0", neighbours: int = 50
) -> NeuralTranslator:
    """Image and expression in one space; the 50 nearest training spots are copied."""
    return NeuralTranslator(
        partial(network, backbone=backbone, neighbours=neighbours),
        image_inputs(backbone, PatchGrid(microns=154, pixels=224)),
        Stage(
            Recipe(20, 1e-3, optimizer="adamw", weight_decay=1e-3),
            size=256,
        ),
    )
