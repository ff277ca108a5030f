"""Integrated gradients: slopes on the way from a reference patch to the patch.

Sundararajan et al. 2017, ICML, by captum. The reference is the mean colour of the
patches. Pixels of a patch sum to its prediction minus that of the reference, up to
the error of the ``steps`` of the integral; channels are summed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge.registry import system

if TYPE_CHECKING:
    from histobridge.explain.networks import NetworkProbe


class IntegratedGradients:
    """Gradient times difference to the reference, integrated over the way."""

    def __init__(self, steps: int):
        self.steps = steps

    def maps(self, probe: NetworkProbe) -> np.ndarray:
        """Maps (n, side, side) whose sums are prediction minus baseline."""
        import torch
        from captum.attr import IntegratedGradients as Captum

        out = np.empty(probe.patches.shape[:3])
        for row in range(len(out)):
            own = np.array([row])

            def target(pixels: torch.Tensor, own: np.ndarray = own) -> torch.Tensor:
                rows = np.repeat(own, len(pixels))
                parts = [probe.values(rows[p], pixels[p]) for p in probe.parts(rows)]
                return torch.cat(parts)

            patch, blank = (
                torch.from_numpy(a[own].copy()).float()
                for a in (probe.patches, probe.blank)
            )
            found = Captum(target, multiply_by_inputs=True).attribute(
                patch.requires_grad_(), blank.requires_grad_(), n_steps=self.steps
            )
            out[row] = found[0].detach().sum(dim=2).numpy()
        return out


@system(
    "integrated_gradients",
    task="explanation",
    needs=("gradients", "captum"),
    paper="Sundararajan et al. 2017, ICML",
    evidence="dev/benchmarks/results/saliency.csv",
    deviations="mean colour for black as the reference",
)
def integrated_gradients(*, steps: int = 32, seed: int = 0) -> IntegratedGradients:
    """Gradients along the way from the mean colour to the patch."""
    return IntegratedGradients(steps)
