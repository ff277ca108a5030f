"""The attention autoencoder of STAGATE, and the hybrid transformer of SiGra."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from histobridge.integration.networks.layers import (
    GraphAttention,
    TransformerConvolution,
    xavier,
)
from histobridge.integration.networks.losses import tied_error, triplet_error
from histobridge.integration.networks.operators import Batch


class AttentionAutoencoder(nn.Module):
    """Two tied layers; the attention of the encoder serves the decoder as well.

    Reads ``x`` (n, d), dense or sparse, and ``graph`` with self loops; with
    ``pruned``, a second graph takes ``pruned_share`` of the attention; with
    ``pairs`` and ``sections``, mutual neighbours are drawn together after
    ``triplet_from`` epochs.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int = 512,
        latent: int = 30,
        *,
        squash: str = "sigmoid",
        pruned_share: float = 0.0,
        triplet_from: int | None = None,
    ):
        super().__init__()
        self.first, self.second = xavier(inputs, hidden), xavier(hidden, latent)
        self.attention = GraphAttention(hidden, squash)
        self.other = GraphAttention(hidden, squash) if pruned_share else None
        self.pruned_share = pruned_share
        self.triplet_from = triplet_from

    def _mix(self, inputs: Any, product: torch.Tensor):
        """Return a function that averages over neighbours by attention."""
        graph, pruned = inputs["graph"], None
        weight = self.attention(product, graph)
        if self.other is not None:
            pruned = inputs["pruned"]
            second = self.other(product, pruned)

        def mix(h: torch.Tensor) -> torch.Tensor:
            out = graph.weighted(weight, h)
            if pruned is None:
                return out
            share = self.pruned_share
            return (1 - share) * out + share * pruned.weighted(second, h)

        return mix

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, latent)."""
        product = inputs["x"] @ self.first
        return functional.elu(self._mix(inputs, product)(product)) @ self.second

    def loss(self, batch: Batch) -> torch.Tensor:
        """Reconstruction error, and triplets where there are pairs."""
        product = batch["x"] @ self.first
        mix = self._mix(batch, product)
        z = functional.elu(mix(product)) @ self.second
        hidden = functional.elu(mix(z @ self.second.T))
        error = tied_error(batch["x"], hidden, product, self.first, batch["square"])
        if self.triplet_from is None or batch.epoch < self.triplet_from:
            return error
        return error + triplet_error(z, batch["pairs"], batch["sections"])


class HybridTransformer(nn.Module):
    """SiGra: graph transformers over genes and image, and over both together.

    Reads ``x`` (n, d), ``graph`` and, where there is one, ``image`` (n, e); three
    decoders give back the genes from the gene, image and joint latent.
    """

    def __init__(self, genes: int, image: int | None, hidden: int = 512, latent=30):
        super().__init__()
        widths = {"genes": genes} | ({"image": image} if image else {})
        self.first = nn.ModuleDict(
            {name: TransformerConvolution(d, hidden) for name, d in widths.items()}
        )
        self.second = nn.ModuleDict(
            {name: TransformerConvolution(hidden, latent) for name in widths}
        )
        self.joint = TransformerConvolution(latent * len(widths), latent)
        self.latent = TransformerConvolution(latent, latent)
        self.decoders = nn.ModuleDict(
            {name: _Decoder(latent, hidden, genes) for name in [*widths, "joint"]}
        )

    def _latents(self, inputs: Any) -> dict[str, torch.Tensor]:
        sources = {"genes": inputs["x"], "image": inputs["image"]}
        out = {}
        for name, first in self.first.items():
            h = functional.elu(first(sources[name], inputs["graph"]))
            out[name] = self.second[name](h, inputs["graph"])
        both = torch.cat(list(out.values()), dim=1)
        h = functional.elu(self.joint(both, inputs["graph"]))
        out["joint"] = self.latent(h, inputs["graph"])
        return out

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, latent)."""
        return self._latents(inputs)["joint"]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Sum of the reconstruction errors of every latent."""
        errors = (
            functional.mse_loss(self.decoders[name](z, batch["graph"]), batch["x"])
            for name, z in self._latents(batch).items()
        )
        return sum(errors, start=torch.zeros(()))


class _Decoder(nn.Module):
    def __init__(self, latent: int, hidden: int, outputs: int):
        super().__init__()
        self.first = TransformerConvolution(latent, hidden)
        self.second = TransformerConvolution(hidden, outputs)

    def forward(self, z: torch.Tensor, graph: Any) -> torch.Tensor:
        return self.second(functional.elu(self.first(z, graph)), graph)
