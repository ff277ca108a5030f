"""ST-Net: a convolutional network per patch, eight symmetries in testing.

He et al. 2020, Nat Biomed Eng 4:827. A DenseNet121 with ImageNet weights is trained
on patches of 224 pixels (154 um on most HER2+ sections); the last layer starts from
zero weights and the mean of the training target; predictions are averaged over the
eight symmetries of the patch.

Deviations: DenseNet121 where torchvision is installed (``backbone=
"torchvision:densenet121"``), else EfficientNet-Lite0 with ImageNet weights; Adam at
1e-4 for 20 epochs instead of momentum at 1e-6 for up to 50, which leaves the network
under-trained (``as_published=True`` gives it back); log1p CP10k instead of shares.
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
    """Backbone -> linear, from zero."""
    from histobridge.nn.backbones import image_encoder, reads_pixels
    from histobridge.nn.heads import Linear
    from histobridge.nn.network import Network
    from histobridge.nn.pixels import Augmentation

    width = size.width(1024)
    return Network(
        image_encoder(backbone, size, width),
        Linear(width, size.genes),
        augmentation=Augmentation(),
        turns=reads_pixels(backbone),
    )


@system(
    "st_net",
    task="translation",
    needs=("image",),
    paper="He et al. 2020, Nat Biomed Eng 4:827",
    evidence="102 of 250 genes correlate in 20 of 23 patients (leave one patient out); "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="EfficientNet-Lite0 for DenseNet121; Adam 1e-4; patches in microns",
)
@trainable
def st_net(
    *, backbone: str = "efficientnet-lite0", as_published: bool = False
) -> NeuralTranslator:
    """A convolutional network on each patch, averaged over its symmetries."""
    recipe = Recipe(epochs=20, learning_rate=1e-4)
    if as_published:
        recipe = Recipe(epochs=50, learning_rate=1e-6, optimizer="sgd", momentum=0.9)
    return NeuralTranslator(
        partial(network, backbone=backbone),
        image_inputs(backbone, PatchGrid(microns=154, pixels=224)),
        Stage(recipe, size=32),
    )
