"""STGAT: grey patches through a small convolutional network and graph attention.

Song et al. 2024, Brief Bioinform 25:bbae316. The network that estimates spots: six
convolutions on the grey patch, graph attention with twelve heads over near spots, a
perceptron; its second stage ties the mean over spots to bulk expression.

Corrected: rows of features stay with their spots (published: written back in
shuffled order, the last batch zero); bulk is the mean of the *training* spots, never
of the sample that is scored. Deviations: near is within three pitches (published: a
fifth of the section, which is thousands of spots on large slides); the second stage
is a term of the loss; no tumour classifier, which needs labels.
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
    """Grey convolutions -> graph attention -> perceptron."""
    from histobridge.nn.encoders import ConvNet, Pixels
    from histobridge.nn.graph import GraphAttention
    from histobridge.nn.heads import Perceptron
    from histobridge.nn.losses import BulkMean, MeanSquares
    from histobridge.nn.network import Network

    width = size.width(768)
    encoder = ConvNet(width, channels=(4, 4, 8, 8, 16, 16), grey=True, pool_every=2)
    attention = GraphAttention(
        width, layers=1, heads=size.heads(12, width), edges="near"
    )
    return Network(
        Pixels(encoder),
        Perceptron(width, size.genes, hidden=(width,)),
        context=[attention],
        terms=[MeanSquares(), BulkMean(weight=0.1)],
    )


@system(
    "stgat",
    task="translation",
    needs=("image", "coordinates"),
    paper="Song et al. 2024, Brief Bioinform 25:bbae316",
    evidence="gains unverified: shuffled features and bulk as input and target; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="rows keep their order; training bulk only; near within three pitches",
)
@trainable
def stgat() -> NeuralTranslator:
    """Grey convolutions and graph attention, tied to the bulk of training."""
    return NeuralTranslator(
        network,
        Inputs(patch=PatchGrid(154, 224), graphs={"near": Near(pitches=3.0, k=28)}),
        Stage(
            Recipe(200, 1e-5, weight_decay=0.01, schedule="plateau", step_epochs=20),
            sampler="sections",
        ),
    )
