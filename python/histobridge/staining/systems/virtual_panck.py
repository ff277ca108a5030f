"""virtual_panck: several convolutional networks paint pan-cytokeratin.

After the multi-model framework for virtual pan-cytokeratin in tumour budding. Three
U-shaped networks of different depth are taught together and averaged. Where nothing
else is asked for, the channel ``panCK`` is the mean of the keratins that the antibody
cocktail AE1/AE3 binds.

Deviations: written from its title alone; where no stained picture is given, genes of
spots teach instead of pixels; buds are not counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from histobridge.nn.recipe import Recipe
from histobridge.registry import system
from histobridge.staining.stainer import NeuralStainer
from histobridge.translation.options import trainable

if TYPE_CHECKING:
    from histobridge.nn.maps import Painter

# Keratins bound by AE1 (10, 14, 15, 16, 19) and by AE3 (1 to 8).
AE1_AE3 = tuple(f"KRT{i}" for i in (1, 2, 3, 4, 5, 6, 7, 8, 10, 14, 15, 16, 19))
AE1_AE3 += ("KRT6A", "KRT6B", "KRT6C")


def network(channels: int, scale: float) -> Painter:
    """The mean of three depths."""
    from histobridge.nn.maps import SeveralPainters, unet_painter
    from histobridge.nn.size import Size

    width = Size(channels, 0, scale=scale).width(64)
    depths = (2, 3, 4)
    return SeveralPainters([unet_painter(width, channels, levels=d) for d in depths])


@system(
    "virtual_panck",
    task="staining",
    needs=("image", "coordinates", "counts"),
    paper="virtual pan-cytokeratin for tumour budding, multi-model networks",
    evidence="no numbers seen; here: dev/benchmarks/results/staining.csv",
    deviations="from the title alone; taught by keratin genes where no picture is",
)
@trainable
def virtual_panck() -> NeuralStainer:
    """Three U-shaped networks, averaged; keratins unless told otherwise."""
    model = NeuralStainer(network, Recipe(30, 1e-3, schedule="cosine"))
    model.default_markers = {"panCK": AE1_AE3}
    return model
