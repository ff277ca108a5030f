"""MERGE: graph attention over near spots and over clusters in space and in looks.

Ganguly et al. 2025, CVPR. Eight nearest spots; clusters by place and by looks, each a
star around its medoid, medoids linked with each other; three layers of graph attention
with a fifth of the edges dropped.

Corrected: the nearest are those in both coordinates (published: one coordinate
twice); medoids are found among all spots (published: their place within the cluster);
test truth is not smoothed. Deviation: features of ``add_morphology`` for a fine-tuned
histology ResNet18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import Clustered, Inputs
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size


def network(size: Size) -> Network:
    """Features -> graph attention -> linear."""
    from histobridge.nn.encoders import Features
    from histobridge.nn.graph import GraphAttention
    from histobridge.nn.heads import Linear
    from histobridge.nn.network import Network

    width = size.width(1024)
    attention = GraphAttention(
        width,
        layers=size.depth(3),
        heads=size.heads(8, width),
        edges="clustered",
        drop_edges=0.2,
    )
    return Network(
        Features(size.features, width),
        Linear(width, size.genes, norm=True),
        context=[attention],
    )


@system(
    "merge",
    task="translation",
    needs=("image", "coordinates"),
    paper="Ganguly et al. 2025, CVPR (arXiv 2412.02601)",
    evidence=".38 pooled but .12 per slide, siblings of test sections in training; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="graph on both coordinates; global medoids; features of add_morphology",
)
@trainable
def merge() -> NeuralTranslator:
    """Graph attention over near spots and clusters in space and in looks."""
    graph = Clustered(pitches=2.5, k=8, in_space=5, in_features=5)
    return NeuralTranslator(
        network,
        Inputs(features=True, graphs={"clustered": graph}),
        Stage(Recipe(400, 1e-3), sampler="sections"),
    )
