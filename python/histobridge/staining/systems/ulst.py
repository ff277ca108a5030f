"""ULST: a U-shaped transformer of windows and spectra, trained on paired patches.

ULST (U-shaped LeWin spectral transformer for virtual staining). At every level pixels
attend to those of their window of 8 x 8, channels attend to channels, and a locally
mixing network follows.

Deviations: written from its title alone; the blocks are those of Uformer (Wang et al.
2022, CVPR) and Restormer (Zamir et al. 2022, CVPR).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.staining.stainer import NeuralStainer
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.maps import Painter


def network(channels: int, scale: float) -> Painter:
    """U-shaped network of window blocks."""
    from histobridge.nn.maps import unet_painter
    from histobridge.nn.size import Size
    from histobridge.nn.windows import WindowBlock

    width = Size(channels, 0, scale=scale).width(64)
    heads = max(1, width // 8)
    return unet_painter(
        width, channels, levels=3, block=partial(WindowBlock, heads=heads)
    )


@system(
    "ulst",
    task="staining",
    needs=("image", "coordinates", "counts"),
    paper="ULST, U-shaped LeWin spectral transformer",
    evidence="no numbers seen; here: dev/benchmarks/results/staining.csv",
    deviations="from the title alone; blocks of Uformer and Restormer",
)
@trainable
def ulst() -> NeuralStainer:
    """A U-shaped transformer whose pixels attend to their window."""
    return NeuralStainer(network, Recipe(30, 1e-3, optimizer="adamw", clip=1.0))
