"""EGGN: a graph of spots and of the training spots that look like them.

Yang et al. 2024, Pattern Recognition 145:109966. Spots are linked with near spots and
with exemplars, the training spots that look most alike; GraphSAGE and exemplar
bridging alternate; squared error and half of one minus the correlation per gene.

Corrected: exemplars never come from the spot's own patient (else section, else
block). Deviations: exemplars are not linked with each other; features of
``add_morphology`` for a ResNet50; log1p CP10k, scaled to the training range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import Inputs, Near
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size


def network(size: Size) -> Network:
    """GraphSAGE and exemplar bridges in turn."""
    from torch import nn

    from histobridge.nn.bank import Bank, ExemplarBridge
    from histobridge.nn.encoders import Features
    from histobridge.nn.graph import GraphSAGE
    from histobridge.nn.heads import Linear
    from histobridge.nn.losses import MeanSquares, Uncorrelated
    from histobridge.nn.network import Network

    width = size.width(512)
    bank = Bank(size.spots, size.features, size.genes)
    context: list[nn.Module] = []
    for _ in range(size.depth(4)):
        context.append(GraphSAGE(width, layers=1, edges="near"))
        context.append(
            ExemplarBridge(bank, width, exemplars=6, heads=size.heads(8, width))
        )
    return Network(
        Features(size.features, width),
        Linear(width, size.genes, norm=True),
        context=context,
        terms=[MeanSquares(), Uncorrelated(weight=0.5)],
    )


@system(
    "eggn",
    task="translation",
    needs=("image", "coordinates"),
    paper="Yang et al. 2024, Pattern Recognition 145:109966",
    evidence="about .28 over four patient folds of HER2ST (Wang et al. 2025); "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="exemplars from other patients only; features of add_morphology",
)
@trainable
def eggn() -> NeuralTranslator:
    """A graph of spots and of the training spots that look like them."""
    return NeuralTranslator(
        network,
        Inputs(features=True, graphs={"near": Near(pitches=1.5, k=8)}),
        Stage(
            Recipe(300, 5e-4, optimizer="adamw", weight_decay=1e-4),
            sampler="sections",
        ),
        scaling="range",
    )
