"""MVFStain: one network paints several functional stains, told apart by a style.

Zhang et al. 2022, Med Image Anal 80:102520. An encoder of content, a style per stain
as a Gaussian code that is held to a standard normal law, and a decoder that the style
modulates; stains share everything but the code.

Deviations: written from summaries (no code was released); patches are paired, so no
adversary is needed; the "histo" loss is read as the distance of histograms; channels
are densities or marker scores instead of pictures in colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.staining.stainer import NeuralStainer
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.maps import Painter


def network(channels: int, scale: float) -> Painter:
    """U-shaped content, a style per channel."""
    from histobridge.nn.maps import StyledPainter
    from histobridge.nn.size import Size
    from histobridge.nn.unet import UNet

    width = Size(channels, 0, scale=scale).width(64)
    return StyledPainter(UNet(width, levels=3), width, channels)


@system(
    "mvfstain",
    task="staining",
    needs=("image", "coordinates", "counts"),
    paper="Zhang et al. 2022, Med Image Anal 80:102520",
    evidence="no numbers seen; here: dev/benchmarks/results/staining.csv",
    deviations="from summaries: paired patches, no adversary, channels not colours",
)
@trainable
def mvfstain() -> NeuralStainer:
    """One network for several stains, each with a style of its own."""
    return NeuralStainer(network, Recipe(30, 1e-3, schedule="cosine"))
