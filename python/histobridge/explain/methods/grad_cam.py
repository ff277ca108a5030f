"""Grad-CAM: the last feature maps, weighted by the mean of their gradient.

Selvaraju et al. 2017, ICCV. The layer is the last of the patch encoder whose output
is a map of more than one pixel. Negative evidence is cut off, as published, so that
pixels that speak against a gene are tied with those that say nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge.explain.maps import enlarged, watched
from histobridge.registry import system

if TYPE_CHECKING:
    from histobridge.explain.networks import NetworkProbe


class GradCam:
    """Rectified, gradient-weighted sum of the last maps."""

    def maps(self, probe: NetworkProbe) -> np.ndarray:
        """Maps (n, side, side), not negative."""
        import torch

        rows = np.arange(len(probe.patches))
        out = np.empty(probe.patches.shape[:3])
        for part in probe.parts(rows):
            pixels = torch.from_numpy(probe.patches[part]).float().requires_grad_()
            with watched(probe) as seen:
                value = probe.values(rows[part], pixels, unturned=True).sum()
            (slope,) = torch.autograd.grad(value, seen[-1])
            weight = slope.mean(dim=(2, 3), keepdim=True)
            found = (weight * seen[-1]).sum(dim=1).clamp(min=0).detach()
            found = probe.own(found, rows[part])
            out[part] = enlarged(found.numpy(), probe.patches.shape[1])
        return out


@system(
    "grad_cam",
    task="explanation",
    needs=("convolutions", "gradients"),
    paper="Selvaraju et al. 2017, ICCV",
    evidence="dev/benchmarks/results/saliency.csv",
    deviations="a regression target for a class score",
)
def grad_cam(*, seed: int = 0) -> GradCam:
    """Last convolutional maps, weighted by their mean gradient."""
    return GradCam()
