"""HE2RNA: learned from bulk expression of regions, answered for every spot.

Schmauch et al. 2020, Nat Commun 11:3877. A small network scores every tile; the
bulk of a slide is the mean of the k best tiles, k drawn anew in every step; a tile's
own score is its predicted expression.

Here a region of a section is the slide and the sum of its spots the bulk: spots are
never shown one by one, and the model is scored on spots. Corrected: regions are not
padded, so no empty tile is among the k best. ``pooling="attention"`` weighs the tiles
of a region by what they look like instead (Ilse et al. 2018, ICML). Deviations:
features of ``add_morphology`` for ResNet50; regions because a handful of sections
would be a handful of examples; log1p of counts per 10,000 for FPKM-UQ.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from histobridge.contract import ContractError
from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import Inputs
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size

POOLINGS = ("top", "attention")


def network(size: Size, pooling: str) -> Network:
    """Perceptron on every spot, top-k or weighted mean over a region."""
    from histobridge.nn.bags import AttentionMean, TopMean
    from histobridge.nn.encoders import Features
    from histobridge.nn.heads import Perceptron

    width = size.width(1024)
    head = Perceptron(size.features, size.genes, hidden=(width, width), dropout=0.25)
    encoder = Features(size.features)
    if pooling == "attention":
        inner = size.width(256)
        return AttentionMean(
            encoder, head, size.genes, width=size.features, inner=inner
        )
    return TopMean(encoder, head, size.genes, ks=(1, 2, 5, 10, 20, 50, 100))


@system(
    "he2rna",
    task="translation",
    needs=("image", "coordinates", "counts"),
    paper="Schmauch et al. 2020, Nat Commun 11:3877",
    evidence="bulk of TCGA slides; never scored on spots by its authors; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="regions of sections as slides; features of add_morphology",
)
@trainable
def he2rna(*, pooling: str = "top") -> NeuralTranslator:
    """Learned from the bulk of regions by top-k pooling, answered for every spot."""
    if pooling not in POOLINGS:
        raise ContractError("a pooling", repr(pooling), POOLINGS)
    return NeuralTranslator(
        partial(network, pooling=pooling),
        Inputs(features=True),
        Stage(Recipe(200, 3e-4), sampler="regions", size=16),
        scaling="none",
        counts=True,
    )
