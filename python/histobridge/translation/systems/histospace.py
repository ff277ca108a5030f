"""HistoSPACE: a convolutional autoencoder, then a head on its frozen encoder.

Kumar et al. 2024, arXiv 2408.03592. Three convolutions learn to draw patches again;
the encoder is then frozen and a perceptron predicts expression.

Corrected: no test fold chooses the epoch; scores are per gene. Deviations: the
autoencoder learns from the patches of the training spots instead of from BACH tiles;
maps are summarised by mean and spread, not by a further convolution; after Vahadane's
stain normalisation colours are not corrected further.
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
    """Autoencoder of patches; perceptron on its vectors."""
    from histobridge.nn.encoders import ConvNet, Pixels
    from histobridge.nn.heads import Perceptron
    from histobridge.nn.pixels import Augmentation
    from histobridge.nn.pretraining import Autoencoding

    channels = tuple(size.width(c) for c in (32, 64, 128))
    width = size.width(256)
    return Autoencoding(
        Pixels(ConvNet(2 * channels[-1], channels=channels)),
        Perceptron(2 * channels[-1], size.genes, hidden=(width,)),
        channels,
        augmentation=Augmentation(),
    )


@system(
    "histospace",
    task="translation",
    needs=("image",),
    paper="Kumar et al. 2024, arXiv 2408.03592",
    evidence="headline .56 is per spot over genes, where gene means alone give .42; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="autoencoder on training patches; epoch not chosen on test",
)
@trainable
def histospace(*, stain: str = "vahadane") -> NeuralTranslator:
    """A convolutional autoencoder, then a head on its frozen encoder."""
    normaliser = None if stain == "none" else stain
    return NeuralTranslator(
        network,
        Inputs(patch=PatchGrid(112, 128), stain=normaliser),
        [
            Stage(Recipe(150, 1e-5), size=256, loss="reconstruction"),
            Stage(Recipe(50, 1e-4), size=32, trains=("head", "encoder.network.out")),
        ],
    )
