"""DeepSpot: a spot and its neighbours as a set, ensembles inside the network.

Nonchev et al. 2025, medRxiv 2025.02.09.25321567. Frozen features of the spot, of nine
tiles of it and of its neighbours pass ten small networks each, of which the median is
taken; tiles are summed, neighbours pooled by their maximum; ten further networks give
z-scored expression.

Corrected: neighbours that are not there do not enter the maximum; only the training
target is z-scored, held-out truth is never rescaled. Deviations: features of
``add_morphology`` for a foundation model, and colour and texture for the tiles
(``minitiles=False`` reads no image); no oversampling of rare clusters.
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
    """Deep set -> ensemble of perceptrons."""
    from histobridge.nn.heads import Perceptron
    from histobridge.nn.network import Network
    from histobridge.nn.sets import DeepSet

    width = size.width(512)
    return Network(
        DeepSet(size.features, width, tiles=size.tiles, members=10, dropout=0.3),
        Perceptron((3 if size.tiles else 2) * width, size.genes, members=10),
    )


@system(
    "deepspot",
    task="translation",
    needs=("image", "coordinates"),
    paper="Nonchev et al. 2025, medRxiv 2025.02.09.25321567",
    evidence="reported on foundation-model features, several tissues; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="features of add_morphology; absent neighbours masked",
)
@trainable
def deepspot(*, minitiles: bool = True) -> NeuralTranslator:
    """A spot, its tiles and its neighbours as a set, with ensembles inside."""
    tiles = PatchGrid(microns=112, pixels=42) if minitiles else None
    return NeuralTranslator(
        network,
        Inputs(minitiles=tiles, features=True, neighbours=8, reach=1.6),
        Stage(
            Recipe(100, 1e-4, optimizer="adamw", weight_decay=1e-6),
            size=1024,
        ),
        scaling="standard",
    )
