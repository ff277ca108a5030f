"""STimage: a negative binomial law per gene from an image.

Tan et al. 2024, bioRxiv 2023.05.14.540710. A frozen backbone and, per gene, the two
parameters of a negative binomial; the mean is the prediction.

Corrected: the likelihood is of raw counts with depth as an offset (published: of
logged values, which are no counts); patches are scaled for the backbone. Deviations:
features of ``add_morphology`` by default (``backbone`` takes networks, which stay
frozen but for their last layer).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from histobridge.images.patches import PatchGrid
from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.translation.inputs import image_inputs
from histobridge.translation.neural import NeuralTranslator, Stage
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.network import Network
    from histobridge.nn.size import Size


def network(size: Size, backbone: str) -> Network:
    """Frozen backbone -> negative binomial."""
    from histobridge.nn.backbones import image_encoder
    from histobridge.nn.heads import NegativeBinomial
    from histobridge.nn.losses import CountLikelihood
    from histobridge.nn.network import Network

    width = size.width(2048)
    return Network(
        image_encoder(backbone, size, width, frozen=True),
        NegativeBinomial(width, size.genes),
        terms=[CountLikelihood()],
    )


@system(
    "stimage",
    task="translation",
    needs=("image", "counts"),
    paper="Tan et al. 2024, bioRxiv 2023.05.14.540710",
    evidence="leave one section out over HER2ST; the score was not found stated; "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="raw counts with depth as an offset; features for ResNet50",
)
@trainable
def stimage(*, backbone: str = "features") -> NeuralTranslator:
    """A negative binomial law of raw counts per gene, depth as an offset."""
    return NeuralTranslator(
        partial(network, backbone=backbone),
        image_inputs(backbone, PatchGrid(205, 299)),
        Stage(Recipe(100, 1e-5, patience=20), size=32),
        scaling="none",
        counts=True,
    )
