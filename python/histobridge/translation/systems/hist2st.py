"""Hist2ST: ConvMixer patches, slide transformer, GraphSAGE with an LSTM read-out.

Zeng et al. 2022, Brief Bioinform 23:bbac297. Patches of 77 um pass a ConvMixer; grid
positions are added; eight transformer layers see the section, four GraphSAGE layers
its four nearest spots; the layers are read out by an LSTM. The loss is the squared
error, a quarter of the zero-inflated negative binomial likelihood of raw counts and
half of a self-distillation over five augmented passes.

Corrected: a spot without a neighbour listens to itself (published: division by
zero, NaN). Deviations: patches in microns; statistics of the patch and not of the
batch normalise the ConvMixer; depth is an offset of the likelihood; expression is
log1p CP10k over all genes, not over those that are scored.
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
    """ConvMixer -> grid embedding -> transformer -> GraphSAGE -> two heads."""
    from histobridge.nn.encoders import ConvMixer, Pixels
    from histobridge.nn.graph import GraphSAGE
    from histobridge.nn.heads import Heads, Linear, NegativeBinomial
    from histobridge.nn.losses import CountLikelihood, MeanSquares, SelfDistillation
    from histobridge.nn.network import Network
    from histobridge.nn.pixels import Augmentation
    from histobridge.nn.position import GridEmbedding
    from histobridge.nn.transformer import SlideTransformer

    width = size.width(1024)
    layers, heads = size.depth(8), size.heads(16, width)
    return Network(
        Pixels(ConvMixer(size.pixels, width, channels=32, depth=2)),
        Heads(
            Linear(width, size.genes, norm=True),
            NegativeBinomial(width, size.genes, zeros=True, predicts=False),
        ),
        position=GridEmbedding(width),
        context=[
            SlideTransformer(width, layers=layers, heads=heads, dropout=0.2),
            GraphSAGE(width, layers=size.depth(4), edges="near", readout="lstm"),
        ],
        terms=[
            MeanSquares(),
            CountLikelihood(weight=0.25),
            SelfDistillation(views=5, weight=0.5),
        ],
        augmentation=Augmentation(grey=0.1),
        varied=False,
    )


@system(
    "hist2st",
    task="translation",
    needs=("image", "coordinates", "counts"),
    paper="Zeng et al. 2022, Brief Bioinform, PMID 35849101",
    evidence="HER2ST leave one section out .144 (same patient in training); "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="isolated spots kept; patches in microns; depth as an offset",
)
@trainable
def hist2st() -> NeuralTranslator:
    """ConvMixer, slide transformer and GraphSAGE with self-distillation."""
    return NeuralTranslator(
        network,
        Inputs(
            patch=PatchGrid(microns=77, pixels=112),
            graphs={"near": Near(pitches=2.0, k=4)},
        ),
        Stage(
            Recipe(350, 1e-5, schedule="step", step_epochs=50, step_factor=0.9),
            sampler="sections",
        ),
        counts=True,
    )
