"""STFlow: a flow from a random section to an expressed one.

Huang et al. 2025. From a zero-inflated negative binomial draw a network carries all
spots of a section to their expression in five steps; spots see eight neighbours, their
distance and the difference of their present expression.

Deviations: features of ``add_morphology`` for a foundation model; attention knows of
places by distance alone (published: frame averaging over rotations); prediction
starts from the mean of the draws; the published learning rate is not known.
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
    """Local layers that name the end of the path."""
    from histobridge.nn.encoders import Features
    from histobridge.nn.flow import SectionFlow

    width = size.width(256)
    return SectionFlow(
        Features(size.features, width),
        size.genes,
        width,
        layers=size.depth(4),
        heads=size.heads(8, width),
        edges="near",
    )


@system(
    "stflow",
    task="translation",
    needs=("image", "coordinates"),
    paper="Huang et al. 2025, ICML (STFlow)",
    evidence="HEST-Bench .415 by its own scoring, on foundation-model features; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="features of add_morphology; distances instead of frame averaging",
)
@trainable
def stflow() -> NeuralTranslator:
    """A flow from a random section to an expressed one in five steps."""
    return NeuralTranslator(
        network,
        Inputs(features=True, graphs={"near": Near(pitches=2.5, k=8)}),
        Stage(Recipe(200, 1e-3), sampler="sections"),
    )
