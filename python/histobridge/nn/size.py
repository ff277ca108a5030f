"""What a network is built for, and how far below its published size."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Facts that are known when training starts.

    Attributes
    ----------
    genes, spots, features, pixels, auxiliary, tiles
        Genes predicted, training spots, image features, side of a patch, further
        genes and features of a tile; 0 where the system does not read them.
    names
        Of the genes predicted.
    scale
        1 is the published size: widths and numbers of heads are proportional to
        it, depths to its square root.
    """

    genes: int
    spots: int
    features: int = 0
    pixels: int = 0
    auxiliary: int = 0
    tiles: int = 0
    scale: float = 1.0
    names: tuple[str, ...] = ()

    def width(self, published: int) -> int:
        """Scaled width, a multiple of 8."""
        return max(8, 8 * round(published * self.scale / 8))

    def depth(self, published: int) -> int:
        """Scaled number of layers, at least one."""
        return max(1, round(published * math.sqrt(self.scale)))

    def heads(self, published: int, width: int) -> int:
        """Scaled number of heads, a divisor of ``width``."""
        wanted = max(1, round(published * self.scale))
        return next(h for h in range(min(wanted, width), 0, -1) if width % h == 0)
