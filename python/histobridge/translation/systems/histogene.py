"""HisToGene: flattened patches and grid positions through a slide transformer.

Pang et al. 2021. A linear layer reads the 112 x 112 pixels of a patch; learned
vectors of its row and column are added; transformer layers let every spot of a
section attend to every other; a linear layer gives expression; squared error.

Deviations: patches are cropped in microns, because 112 pixels are 77 or 103 um
depending on the scan; layers are normalised before attention; four layers as in the
code (the paper says eight); expression is log1p CP10k over all genes.
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
    """Flat patch -> grid embedding -> slide transformer -> linear."""
    from histobridge.nn.encoders import FlatPatch, Pixels
    from histobridge.nn.heads import Linear
    from histobridge.nn.network import Network
    from histobridge.nn.position import GridEmbedding
    from histobridge.nn.transformer import SlideTransformer

    width = size.width(1024)
    return Network(
        Pixels(FlatPatch(size.pixels, width)),
        Linear(width, size.genes, norm=True),
        position=GridEmbedding(width),
        context=[
            SlideTransformer(
                width, layers=size.depth(4), heads=size.heads(16, width), dropout=0.1
            )
        ],
    )


@system(
    "histogene",
    task="translation",
    needs=("image", "coordinates"),
    paper="Pang et al. 2021, bioRxiv 2021.11.28.470212",
    evidence="HER2ST leave one section out .084 (same patient in training); "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="patches in microns; pre-norm layers; target over all genes",
)
@trainable
def histogene() -> NeuralTranslator:
    """Flattened patches and grid positions through a transformer of the section."""
    return NeuralTranslator(
        network,
        Inputs(patch=PatchGrid(microns=77, pixels=112)),
        Stage(Recipe(epochs=100, learning_rate=1e-5), sampler="sections"),
    )
