"""Molecular cartography (PathoMCH): tiles told whether their slide is high or low.

Levy-Jurgenson et al. 2020, Sci Rep 10:18802. Every tile carries the class of its
slide, high (top fifth) or low (bottom fifth) in bulk expression; the map of tile
probabilities is the cartography.

Here a region of a section is the slide and the sum of its spots the bulk; thresholds
come from training regions; the model is scored on spots. Deviations: features of
``add_morphology`` for an Inception-v3; the probability is laid between the mean bulk
of low and of high regions, so that it reads as expression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import Inputs
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size


def network(size: Size) -> Network:
    """Perceptron on every spot, told high or low."""
    from histobridge.nn.bags import HighOrLow
    from histobridge.nn.encoders import Features
    from histobridge.nn.heads import Perceptron

    head = Perceptron(size.features, size.genes, hidden=(size.width(1024),))
    return HighOrLow(Features(size.features), head, size.genes)


@system(
    "pathomch",
    task="translation",
    needs=("image", "coordinates", "counts"),
    paper="Levy-Jurgenson et al. 2020, Sci Rep 10:18802",
    evidence="slide-level AUC on TCGA; no spatial truth in the paper; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="regions of sections as slides; features of add_morphology",
)
@trainable
def pathomch() -> NeuralTranslator:
    """Spots told whether their region is high or low in a gene."""
    return NeuralTranslator(
        network,
        Inputs(features=True),
        Stage(Recipe(100, 1e-3), sampler="regions", size=16),
        scaling="none",
        counts=True,
    )
