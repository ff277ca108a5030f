"""Linear attribution: the exact share of every image feature, drawn in the image.

Coefficient times feature of a ridge model, summed to views, adds up to the prediction
minus that of the average training spot (Lundberg and Lee 2017, NeurIPS, for linear
models). In the image a pixel's value is what its superpixel adds through the features
of its own spot, the scale of the section held. What an average of models holds beside
its linear part is not drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge.explain.linear import slope_of_own
from histobridge.registry import system

if TYPE_CHECKING:
    from histobridge.explain.features import FeatureProbe


class LinearAttribution:
    """Loss of the linear part per pixel of every segment."""

    def maps(self, probe: FeatureProbe) -> np.ndarray:
        """Maps (n, side, side)."""
        slope = slope_of_own(
            probe.model, probe.adata, probe.spots, probe.target.weights
        )
        out = np.empty(probe.segments.shape)
        for row, (patch, labels) in enumerate(
            zip(probe.patches, probe.segments, strict=True)
        ):
            removed = labels == np.arange(labels.max() + 1)[:, None, None]
            pixels = np.where(removed[..., None], probe.blank[row], patch)
            loss = -probe.changes(row, pixels) @ slope[row]
            out[row] = (loss / removed.sum(axis=(1, 2)))[labels]
        return out


@system(
    "linear",
    task="explanation",
    needs=("linear",),
    paper="exact for linear models",
    evidence="dev/benchmarks/results/saliency.csv",
    deviations="none",
)
def linear(*, seed: int = 0) -> LinearAttribution:
    """Exact shares of the image features of a ridge model, drawn in the image."""
    return LinearAttribution()
