"""TRIPLEX: the patch, its neighbours and the whole section as three branches.

Chung et al. 2024, CVPR. A network reads the patch; frozen features of the 5 x 5 spots
around it pass a transformer; frozen features of all spots of the section pass another
with positions; cross attention fuses the three; every branch also predicts alone and
learns from the target and from the fusion.

Corrected: test truth is never smoothed, and no test fold chooses the epoch.
Deviations: EfficientNet-Lite0 for the histology ResNet18 (``backbone`` takes
others); ``add_morphology`` gives the frozen features; positions come from a mean
over the graph, not from a convolution over a filled grid; a batch is a section.
"""

from __future__ import annotations

from functools import partial
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

AROUND = 24
"""Spots of the 5 x 5 around one."""


def network(size: Size, backbone: str) -> Network:
    """Three branches, their fusion, and distillation between them."""
    from histobridge.nn.backbones import image_encoder
    from histobridge.nn.fusion import Scales
    from histobridge.nn.losses import BranchDistillation, MeanSquares
    from histobridge.nn.network import Fused
    from histobridge.nn.pixels import Augmentation

    width = size.width(512)
    return Fused(
        Scales(
            image_encoder(backbone, size, width),
            size.features,
            width,
            size.genes,
            neighbours=AROUND,
            edges="near",
            heads=size.heads(8, width),
            layers=size.depth(3),
        ),
        terms=[MeanSquares(), BranchDistillation(share=0.3)],
        augmentation=Augmentation(),
    )


@system(
    "triplex",
    task="translation",
    needs=("image", "coordinates"),
    paper="Chung et al. 2024, CVPR (arXiv 2403.07592)",
    evidence="HER2ST leave patients out .304 (smoothed test target, test epoch); "
    "here: dev/benchmarks/results/translation_systems.csv",
    deviations="EfficientNet-Lite0 and add_morphology for ResNet18; graph positions",
)
@trainable
def triplex(*, backbone: str = "efficientnet-lite0") -> NeuralTranslator:
    """Patch, neighbours and section as branches that teach each other."""
    own = PatchGrid(112, 224) if backbone != "features" else None
    return NeuralTranslator(
        partial(network, backbone=backbone),
        Inputs(
            patch=own,
            features=True,
            neighbours=AROUND,
            reach=2.9,
            graphs={"near": Near(pitches=1.6, k=8)},
        ),
        Stage(
            Recipe(100, 1e-4, optimizer="adamw", schedule="plateau", patience=20),
            sampler="sections",
        ),
    )
