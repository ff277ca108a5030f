"""Gradient-weighted rollout: attention counts where the target rises with it.

Chefer et al. 2021, ICCV: in every layer the rectified product of attention and its
gradient, averaged over heads, is added to what came before. Unlike plain rollout the
map belongs to a gene.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge.explain.maps import attended, tokens_to_pixels
from histobridge.registry import system

if TYPE_CHECKING:
    from histobridge.explain.networks import NetworkProbe


class GradientRollout:
    """Relevance of sub-patches from attention times its gradient."""

    def maps(self, probe: NetworkProbe) -> np.ndarray:
        """Maps (n, side, side), not negative."""
        import torch

        rows = np.arange(len(probe.patches))
        out = np.empty(probe.patches.shape[:3])
        for part in probe.parts(rows):
            pixels = torch.from_numpy(probe.patches[part]).float().requires_grad_()
            with attended(probe) as seen:
                value = probe.values(rows[part], pixels, unturned=True).sum()
            slopes = torch.autograd.grad(value, seen)
            own = torch.eye(seen[0].shape[-1])
            found = own.expand(len(part), -1, -1)
            for weights, slope in zip(seen, slopes, strict=True):
                both = probe.own(weights * slope, rows[part])
                raised = both.clamp(min=0).mean(dim=1).detach()
                found = found + raised @ found
            out[part] = tokens_to_pixels((found - own).mean(dim=1).numpy(), probe)
        return out


@system(
    "gradient_rollout",
    task="explanation",
    needs=("attention", "gradients"),
    paper="Chefer et al. 2021, ICCV",
    evidence="dev/benchmarks/results/saliency.csv",
    deviations="mean token for a class token",
)
def gradient_rollout(*, seed: int = 0) -> GradientRollout:
    """Attention over sub-patches where the target rises with it."""
    return GradientRollout()
