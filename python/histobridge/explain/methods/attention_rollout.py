"""Attention rollout: how much of every sub-patch reaches the output, layer by layer.

Abnar & Zuidema 2020, ACL: attention averaged over heads, mixed with the identity for
the shortcut, rows to sum 1, multiplied over layers; the mean over tokens is read, as
the network reads it. Says where the network looks and not what for: the map is the
same for every gene.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge.explain.maps import attended, tokens_to_pixels
from histobridge.registry import system

if TYPE_CHECKING:
    from histobridge.explain.networks import NetworkProbe


class AttentionRollout:
    """Product of mean attentions over the layers."""

    def maps(self, probe: NetworkProbe) -> np.ndarray:
        """Maps (n, side, side), not negative."""
        import torch

        rows = np.arange(len(probe.patches))
        out = np.empty(probe.patches.shape[:3])
        for part in probe.parts(rows):
            pixels = torch.from_numpy(probe.patches[part])
            with torch.no_grad(), attended(probe) as seen:
                probe.values(rows[part], pixels, unturned=True)
            rolled = torch.eye(seen[0].shape[-1])
            for weights in seen:
                weights = probe.own(weights, rows[part])
                mixed = weights.mean(dim=1) + torch.eye(weights.shape[-1])
                rolled = mixed / mixed.sum(dim=-1, keepdim=True) @ rolled
            out[part] = tokens_to_pixels(rolled.mean(dim=1).numpy(), probe)
        return out


@system(
    "attention_rollout",
    task="explanation",
    needs=("attention",),
    paper="Abnar and Zuidema 2020, ACL",
    evidence="dev/benchmarks/results/saliency.csv",
    deviations="mean token for a class token",
)
def attention_rollout(*, seed: int = 0) -> AttentionRollout:
    """Attention over sub-patches, multiplied through the layers."""
    return AttentionRollout()
