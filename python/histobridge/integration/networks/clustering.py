"""SpaGCN's self-trained graph convolution."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from histobridge.integration.networks.losses import DeepClusters
from histobridge.integration.networks.operators import Batch


class SelfTrainedConvolution(nn.Module):
    """One graph convolution of equal width whose clusters train it.

    Reads ``x`` (n, d), already averaged over the graph: averaging and the weights of
    the layer commute, so that the graph is read once and not in every epoch.

    Parameters
    ----------
    convolved
        (n, d) that input.
    start
        (n,) the partition whose means are the first centres.
    """

    def __init__(self, convolved: np.ndarray, start: np.ndarray):
        super().__init__()
        d = convolved.shape[1]
        self.layer = nn.Linear(d, d)
        # From the identity, centres of the input are centres of the latent.
        nn.init.eye_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        k = int(start.max()) + 1
        # Heavier tails than Student's, as published.
        self.clusters = DeepClusters(k, d, start=-1, every=3, spread=0.2, power=1.2)
        means = np.stack([convolved[start == c].mean(axis=0) for c in range(k)])
        self.clusters.centres.data = torch.from_numpy(means.astype(np.float32))

    def embed(self, inputs: Any) -> torch.Tensor:
        """Memberships (n, k)."""
        return self.clusters.assignment(self.layer(inputs["x"]))

    def loss(self, batch: Batch) -> torch.Tensor:
        """Divergence of the memberships from their sharpened target."""
        return self.clusters(self.layer(batch["x"]), batch)
