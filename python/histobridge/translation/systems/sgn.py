"""SGN: the weights of every gene are made from a description of the gene.

Yang et al. 2024. Features pass a graph of near and of similar spots; a network turns
the embedding of a gene into its weights; squared error and half of one minus the
correlation per gene.

Deviations: no language model is at hand, so a gene's embedding is its loadings in the
training expression; pass ``gene_embeddings`` (CSV, one row per gene) for embeddings of
text (the file is read again when a saved model is loaded); a two-layer perceptron
makes the weights, not a transformer over tokens. Scaled to the training range, never
to the test slide's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import Alike, Inputs, Near
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size


def network(size: Size, gene_embeddings: str | None) -> Network:
    """Features -> GraphSAGE over two graphs -> gene-made weights."""
    from histobridge.nn.encoders import Features
    from histobridge.nn.graph import GraphSAGE
    from histobridge.nn.heads import GeneNetwork, given_embeddings
    from histobridge.nn.losses import MeanSquares, Uncorrelated
    from histobridge.nn.network import Network

    width = size.width(512)
    given = given_embeddings(gene_embeddings, size.names)
    return Network(
        Features(size.features, width),
        GeneNetwork(width, size.genes, given=given),
        context=[
            GraphSAGE(width, layers=size.depth(2), edges="near"),
            GraphSAGE(width, layers=size.depth(2), edges="alike"),
        ],
        terms=[MeanSquares(), Uncorrelated(weight=0.5)],
    )


@system(
    "sgn",
    task="translation",
    needs=("image", "coordinates"),
    paper="Yang et al. 2024 (SGN, zero-shot genes)",
    evidence="checkpoint and scaling of the published scores were chosen on test; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="loadings or a given table for embeddings of gene text",
)
@trainable
def sgn(*, gene_embeddings: str | None = None) -> NeuralTranslator:
    """Weights of every gene are made from an embedding of the gene."""
    return NeuralTranslator(
        partial(network, gene_embeddings=gene_embeddings),
        Inputs(features=True, graphs={"near": Near(1.5, k=8), "alike": Alike(5)}),
        Stage(
            Recipe(300, 5e-4, optimizer="adamw", weight_decay=1e-4),
            sampler="sections",
        ),
        scaling="range",
    )
