"""Occlusion: what the prediction loses when a piece of the patch is removed.

Zeiler & Fergus 2014, ECCV, with nuclei or superpixels in place of sliding squares, so
that a piece is what a pathologist would point at. Needs nothing but predictions, so
it applies to every system. A pixel's value is the loss per pixel of its piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge.registry import system

if TYPE_CHECKING:
    from histobridge.explain.probe import Probe


class Occlusion:
    """Loss of the target per pixel of every segment."""

    def maps(self, probe: Probe) -> np.ndarray:
        """Maps (n, side, side); pixels of a patch sum to the sum of its losses."""
        out = np.empty(probe.segments.shape)
        for row, (patch, labels) in enumerate(
            zip(probe.patches, probe.segments, strict=True)
        ):
            removed = labels == np.arange(labels.max() + 1)[:, None, None]
            pixels = np.where(removed[..., None], probe.blank[row], patch)
            found = probe.score(np.full(len(pixels), row), pixels)
            loss = probe.prediction[row] - found
            out[row] = (loss / removed.sum(axis=(1, 2)))[labels]
        return out


@system(
    "occlusion",
    task="explanation",
    needs=("image",),
    status="house",
    paper="Zeiler and Fergus 2014, ECCV",
    evidence="dev/benchmarks/results/saliency.csv",
    deviations="nuclei or superpixels for squares; mean colour for grey",
)
def occlusion(*, seed: int = 0) -> Occlusion:
    """What is lost without each nucleus or superpixel."""
    return Occlusion()
