"""Stem: diffusion over the genes of a spot, given its image.

Zhu et al. 2025, ICLR. A transformer whose tokens are genes removes noise from
expression, steered by image features; the prediction is the mean of 20 draws.

Deviations: features of ``add_morphology`` for UNI and CONCH; the network names the
clean expression, and a draw takes 20 deterministic steps instead of 1,000; epochs for
250,000 steps; depth is removed from the target.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import Inputs
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size


def network(size: Size, draws: int) -> Network:
    """Gene tokens, image condition."""
    from histobridge.nn.diffusion import GeneDiffusion
    from histobridge.nn.encoders import Features

    width = size.width(384)
    return GeneDiffusion(
        Features(size.features, width),
        size.genes,
        width,
        layers=size.depth(12),
        heads=size.heads(6, width),
        draws=draws,
    )


@system(
    "stem",
    task="translation",
    needs=("image",),
    paper="Zhu et al. 2025, ICLR (arXiv 2501.15598)",
    evidence="best genes by test score only, siblings in training; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="features of add_morphology; 20 steps per draw; target without depth",
)
@trainable
def stem(*, draws: int = 20) -> NeuralTranslator:
    """Diffusion over the genes of a spot, given its image; mean of the draws."""
    return NeuralTranslator(
        partial(network, draws=draws),
        Inputs(features=True),
        Stage(Recipe(300, 1e-4, optimizer="adamw"), size=256),
        scaling="standard",
    )
