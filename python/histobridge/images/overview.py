"""A whole slide at a size that a screen can hold."""

from __future__ import annotations

import numpy as np

from histobridge.images.slides import Slide

_STRIP_PIXELS = 2**24


def overview(slide: Slide, most: int = 1000) -> tuple[np.ndarray, float]:
    """Whole image, averaged over squares so that no side is longer than ``most``.

    Reads strips, so that memory stays bounded for slides of any size; a slide
    that stores coarser levels answers from them.

    Returns
    -------
    uint8 (height, width, 3), and the side of its pixels in pixels of the slide:
    pixel (i, j) covers ``[j * side, (j + 1) * side)`` across.
    """
    level, factor = slide.coarser(most)
    step = max(1, int(np.ceil(max(level.width, level.height) / most)))
    width, height = -(-level.width // step), -(-level.height // step)
    rows = max(1, _STRIP_PIXELS // (width * step * step))
    out = np.empty((height, width, 3), dtype=np.uint8)
    for top in range(0, height, rows):
        count = min(rows, height - top)
        strip = level.read(0, top * step, width * step, count * step)
        squares = strip.reshape(count, step, width, step, 3)
        mean = squares.mean(axis=(1, 3), dtype=np.float32)
        out[top : top + count] = np.round(mean).astype(np.uint8)
    return out, step * factor
