"""THItoGene: dynamic convolution and capsules, slide transformer, graph attention.

Jia et al. 2024, Brief Bioinform 25:bbad464. A convolution whose kernels are mixed per
patch feeds capsules that are routed by attention; grid positions are added; a
transformer and graph attention bring in the section.

Deviations: positions are added instead of being two further capsules; graph
attention runs over spots within two pitches instead of over all pairs, which the
transformer before it already sees; patches in microns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from histobridge.images.patches import PatchGrid
from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import Inputs, Near
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size


def network(size: Size) -> Network:
    """Capsules -> grid embedding -> transformer -> graph attention -> perceptron."""
    from histobridge.nn.capsules import Capsules
    from histobridge.nn.encoders import Pixels
    from histobridge.nn.graph import GraphAttention
    from histobridge.nn.heads import Perceptron
    from histobridge.nn.network import Network
    from histobridge.nn.position import GridEmbedding
    from histobridge.nn.transformer import SlideTransformer

    width = size.width(1024)
    heads = size.heads(16, width)
    return Network(
        Pixels(Capsules(size.pixels, width, capsules=20, length=size.width(64))),
        Perceptron(width, size.genes, hidden=(size.width(512),)),
        position=GridEmbedding(width),
        context=[
            SlideTransformer(width, layers=size.depth(4), heads=heads),
            GraphAttention(width, layers=1, heads=size.heads(8, width), edges="near"),
        ],
    )


@system(
    "thitogene",
    task="translation",
    needs=("image", "coordinates"),
    paper="Jia et al. 2024, Brief Bioinform 25:bbad464",
    evidence="HER2ST leave one section out .173 (same patient in training); "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="positions added; graph attention over near spots; patches in microns",
)
@trainable
def thitogene() -> NeuralTranslator:
    """Dynamic convolution, capsules, slide transformer and graph attention."""
    return NeuralTranslator(
        network,
        Inputs(patch=PatchGrid(77, 112), graphs={"near": Near(pitches=2.0, k=12)}),
        Stage(Recipe(200, 1e-5), sampler="sections"),
    )
