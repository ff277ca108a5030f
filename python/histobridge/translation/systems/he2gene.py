"""HE2Gene: the genes that are wanted and thousands beside them, from one patch.

Chen et al. 2024, Bioinformatics 40:btae343. One network, one head for the target and
one for all other genes, whose error weighs twenty times; predictions of neighbouring
spots are held together; eight symmetries in testing.

Deviations: EfficientNet-Lite0 for ResNet50 (``backbone`` takes others); no tumour head,
and neighbours are held together whatever their label, because labels are not read;
at most 1,000 further genes; one window instead of three.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from histobridge.images.patches import PatchGrid
from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import Near, image_inputs
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size


def network(size: Size, backbone: str, auxiliary_weight: float) -> Network:
    """Backbone -> two linear heads."""
    from histobridge.nn.backbones import image_encoder, reads_pixels
    from histobridge.nn.heads import Auxiliary
    from histobridge.nn.losses import AuxiliaryGenes, MeanSquares, Smoothness
    from histobridge.nn.network import Network
    from histobridge.nn.pixels import Augmentation

    width = size.width(2048)
    return Network(
        image_encoder(backbone, size, width),
        Auxiliary(width, size.genes, size.auxiliary),
        terms=[
            MeanSquares(),
            AuxiliaryGenes(weight=auxiliary_weight),
            Smoothness("near", weight=0.01),
        ],
        augmentation=Augmentation(),
        turns=reads_pixels(backbone),
    )


@system(
    "he2gene",
    task="translation",
    needs=("image", "coordinates"),
    paper="Chen et al. 2024, Bioinformatics 40:btae343",
    evidence="comparable to its peers on the ST-Net patients by its authors; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="EfficientNet-Lite0 for ResNet50; no labels; 1,000 further genes",
)
@trainable
def he2gene(
    *, backbone: str = "efficientnet-lite0", auxiliary_weight: float = 20.0
) -> NeuralTranslator:
    """Wanted genes and a thousand beside them from one patch."""
    return NeuralTranslator(
        partial(network, backbone=backbone, auxiliary_weight=auxiliary_weight),
        image_inputs(backbone, PatchGrid(103, 224), {"near": Near(pitches=1.5, k=8)}),
        Stage(
            Recipe(
                100, 1e-5, weight_decay=1e-4, schedule="step", clip=1.0, patience=10
            ),
            size=32,
        ),
        auxiliary=1000,
    )
