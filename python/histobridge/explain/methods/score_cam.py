"""Score-CAM: the last feature maps, weighted by what they let through.

Wang et al. 2020, CVPR Workshops. Every map, stretched to 0 to 1, masks the patch; its
weight is the softmax of the target's increase over the reference patch, in standard
deviations of the prediction. No gradient is needed. Costs a pass per map and patch,
so only the ``channels`` maps that vary most are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

from histobridge.explain.maps import enlarged, watched
from histobridge.registry import system

if TYPE_CHECKING:
    from histobridge.explain.networks import NetworkProbe


class ScoreCam:
    """Rectified sum of the last maps, weighted by masked predictions."""

    def __init__(self, channels: int):
        self.channels = channels

    def maps(self, probe: NetworkProbe) -> np.ndarray:
        """Maps (n, side, side), not negative."""
        import torch

        out = np.empty(probe.patches.shape[:3])
        for row in range(len(out)):
            own = np.array([row])
            pixels = torch.from_numpy(probe.patches[own])
            with torch.no_grad(), watched(probe) as seen:
                probe.values(own, pixels, unturned=True)
            maps = probe.own(seen[-1], own)[0].numpy()
            out[row] = self._map(probe, row, maps)
        return out

    def _map(self, probe: NetworkProbe, row: int, seen: np.ndarray) -> np.ndarray:
        kept = np.argsort(-seen.var(axis=(1, 2)), kind="stable")[: self.channels]
        maps = enlarged(seen[kept], probe.patches.shape[1])
        low, high = (f(maps, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
        masks = (maps - low) / np.maximum(high - low, 1e-12)
        patch, blank = (a[row].astype(float) for a in (probe.patches, probe.blank))
        pixels = blank + masks[..., None] * (patch - blank)
        pixels = np.round(pixels).astype(np.uint8)
        found = probe.score(np.full(len(pixels), row), pixels)
        weight = softmax((found - probe.baseline[row]) / probe.spread)
        return np.maximum(np.tensordot(weight, maps, 1), 0)


@system(
    "score_cam",
    task="explanation",
    needs=("convolutions",),
    paper="Wang et al. 2020, CVPR Workshops",
    evidence="dev/benchmarks/results/saliency.csv",
    deviations="a regression target; mean colour for black; most varied maps only",
)
def score_cam(*, channels: int = 64, seed: int = 0) -> ScoreCam:
    """Last convolutional maps, weighted by what each of them lets through."""
    return ScoreCam(channels)
