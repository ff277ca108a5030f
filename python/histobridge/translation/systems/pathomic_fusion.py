"""Gated outer-product fusion of a spot and its graph.

After Chen et al. 2022, IEEE Trans Med Imaging 41:757 (Pathomic Fusion), whose path and
graph branches are joined by gates and an outer product (tensor fusion, Zadeh et al.
2017). Here the branches are a spot's features and GraphSAGE over its neighbours, and
expression is predicted.

Deviations: the published model joins images with omics to predict survival; a
translator has no omics to join, so the two image branches are fused.
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
    """Features, GraphSAGE, their gated outer product, linear."""
    from histobridge.nn.encoders import Features
    from histobridge.nn.fusion import FusedContext
    from histobridge.nn.graph import GraphSAGE
    from histobridge.nn.heads import Linear
    from histobridge.nn.network import Network

    width = size.width(256)
    graph = GraphSAGE(width, layers=size.depth(3), edges="near")
    return Network(
        Features(size.features, width),
        Linear(width, size.genes, norm=True),
        context=[FusedContext(width, graph, inner=size.width(32))],
    )


@system(
    "pathomic_fusion",
    task="translation",
    needs=("image", "coordinates"),
    paper="after Chen et al. 2022, IEEE Trans Med Imaging 41:757",
    evidence="survival and grade by its authors; none for expression; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="two image branches instead of image and omics; expression as target",
)
@trainable
def pathomic_fusion() -> NeuralTranslator:
    """A spot and its graph joined by gates and an outer product."""
    return NeuralTranslator(
        network,
        Inputs(features=True, graphs={"near": Near(pitches=1.6, k=8)}),
        Stage(
            Recipe(50, 2e-3, weight_decay=4e-4, schedule="linear"),
            sampler="sections",
        ),
    )
