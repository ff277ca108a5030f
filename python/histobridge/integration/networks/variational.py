"""Variational graph autoencoders: SEDR, the DeepST family, conST, stMDA, PearlST."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from histobridge.integration.networks.layers import (
    GraphAttention,
    GraphConvolution,
    dense,
    reversed_gradient,
)
from histobridge.integration.networks.losses import (
    DeepClusters,
    Infomax,
    edge_error,
    kl_normal,
    neighbour_contrast,
    scaled_cosine_error,
)
from histobridge.integration.networks.operators import Batch, Sparse


class VariationalGraph(nn.Module):
    """Genes through a dense encoder, beside a variational graph branch.

    Shared by SEDR, conST and the DeepST family. Reads ``x`` (n, d), ``graph``
    (symmetric norm, self loops), ``edges`` (neighbours without loops) and
    ``sections`` (n,).

    Parameters
    ----------
    widths
        Of the dense encoder.
    hidden, latent
        Of the graph branch; the embedding is the dense code beside its means.
    attention
        Graph attention after the convolution of the graph branch.
    heads
        Heads of an attention over each spot alone, as AttentionVGAE has it.
    weights
        Of ``error``, ``graph`` (edges and divergence), ``masked``, ``clusters``,
        ``sections`` (adversary), ``infomax`` and ``contrast``; absent ones are 0.
    mask
        Share of spots hidden behind a learnt token.
    clusters_from
        Epoch at which clustering starts.
    negatives
        Whether non-edges count; the mask of DeepST's loss forgets them.
    as_published
        SEDR adds its token without hiding anything and reconstructs the result;
        ResST's adversary has a loss without lower bound.
    """

    def __init__(
        self,
        inputs: int,
        widths: tuple[int, ...],
        hidden: int,
        latent: int,
        *,
        weights: dict[str, float],
        dropout: float = 0.2,
        mask: float = 0.0,
        clusters: int = 10,
        clusters_from: int = 10**9,
        attention: bool = False,
        heads: int = 0,
        n_sections: int = 1,
        negatives: bool = True,
        as_published: bool = False,
    ):
        super().__init__()
        code = widths[-1]
        self.encoder = dense(inputs, *widths, dropout=dropout)
        self.mixer = None
        if heads:
            self.mixer = nn.MultiheadAttention(code, heads, batch_first=True)
        self.first = GraphConvolution(code, hidden)
        self.attention = GraphAttention(hidden, "leaky") if attention else None
        self.mean = GraphConvolution(hidden, latent)
        self.spread = GraphConvolution(hidden, latent)
        self.decoder = GraphConvolution(code + latent, inputs)
        self.token = nn.Parameter(torch.zeros(inputs))
        self.weights, self.mask = weights, mask
        self.as_published, self.negatives = as_published, negatives
        self.clusters = DeepClusters(
            clusters, code + latent, start=clusters_from, every=20
        )
        self.infomax = Infomax(code + latent)
        self.sections = nn.Linear(code + latent, n_sections)

    def encode(
        self, inputs: Any, x: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Embedding (n, code + latent), drawn while training; means; log-variances."""
        code = self.encoder(x)
        if self.mixer is not None:
            code = (
                code + self.mixer(code[:, None], code[:, None], code[:, None])[0][:, 0]
            )
        graph = inputs["graph"]
        hidden = self.first(code, graph)
        if self.attention is not None:
            hidden = graph.weighted(self.attention(hidden, graph), hidden)
        hidden = functional.relu(hidden)
        mean, spread = self.mean(hidden, graph), self.spread(hidden, graph).clamp(-8, 8)
        drawn = mean
        if self.training:
            drawn = mean + torch.randn_like(mean) * (spread / 2).exp()
        return torch.cat([code, drawn], dim=1), mean, spread

    def embed(self, inputs: Any) -> torch.Tensor:
        """Embedding (n, code + latent)."""
        return self.encode(inputs, inputs["x"])[0]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Weighted sum of the parts that have a weight."""
        x, graph, weights = batch["x"], batch["graph"], self.weights
        hidden = torch.rand(len(x), device=x.device) < self.mask
        shown = torch.where(hidden[:, None], self.token, x)
        if self.as_published:
            shown = x = x + hidden[:, None] * self.token
        z, mean, spread = self.encode(batch, shown)
        found = self.decoder(z, graph)
        total = weights["error"] * functional.mse_loss(found, x)
        pieces = edge_error(mean, batch["edges"], negatives=self.negatives)
        pieces = pieces + kl_normal(mean, spread) / len(x)
        total = total + weights["graph"] * pieces
        if weights.get("masked") and hidden.any():
            error = scaled_cosine_error(found[hidden], x[hidden])
            total = total + weights["masked"] * error
        if weights.get("clusters"):
            total = total + weights["clusters"] * self.clusters(z, batch)
        return total + self._views(batch, z) + self._adversary(batch, z)

    def _views(self, batch: Batch, z: torch.Tensor) -> torch.Tensor:
        """Infomax and contrast against other views of the genes."""
        weights, total = self.weights, z.sum() * 0.0
        x = batch["x"]
        if weights.get("infomax"):
            fake = self.encode(batch, x[torch.randperm(len(x)).to(x.device)])[0]
            told = self.infomax(z, fake, z.mean(dim=0, keepdim=True))
            total = total + weights["infomax"] * told
        if weights.get("contrast"):
            other = self.encode(batch, functional.dropout(x, 0.2))[0]
            total = total + weights["contrast"] * neighbour_contrast(
                z, other, None, 0.5
            )
        return total

    def _adversary(self, batch: Batch, z: torch.Tensor) -> torch.Tensor:
        """Sections told apart from the embedding, with the gradient reversed."""
        if not self.weights.get("sections") or self.sections.out_features < 2:
            return z.sum() * 0.0
        score = self.sections(reversed_gradient(z))
        error = functional.cross_entropy(score, batch["sections"])
        if self.as_published:
            known = torch.softmax(score, 1)[torch.arange(len(z)), batch["sections"]]
            error = (1 - known + 1e-6).clamp(max=1).log().mean() - 4 * error
        return self.weights["sections"] * error


class Modalities(nn.Module):
    """stMDA: Gaussian encoders of genes, of genes on the graph, and of the image.

    Reads ``x``, ``graph`` and ``image`` (None where there is none).
    """

    def __init__(self, inputs: int, image: int | None, latent: int = 10):
        super().__init__()
        self.genes = _Gaussian(inputs, latent)
        self.graph = _Gaussian(inputs, latent)
        self.image = _Gaussian(image, latent) if image else None
        self.decoder = nn.Sequential(
            nn.Linear(latent, 128), nn.ReLU(), nn.Linear(128, inputs)
        )

    def _codes(self, inputs: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
        x = inputs["x"]
        codes = [self.genes(x), self.graph(inputs["graph"] @ x)]
        return codes if self.image is None else [*codes, self.image(inputs["image"])]

    def _join(self, parts: list[torch.Tensor]) -> torch.Tensor:
        shares = (0.5, 0.5) if self.image is None else (0.4, 0.4, 0.2)
        weighted = (share * part for share, part in zip(shares, parts, strict=True))
        return sum(weighted, start=torch.zeros(()))

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, latent)."""
        return self._join([mean for mean, _ in self._codes(inputs)])

    def loss(self, batch: Batch) -> torch.Tensor:
        """Reconstruction, a third of the divergences, a quarter of the distances."""
        codes = self._codes(batch)
        drawn = [m + torch.randn_like(m) * (s / 2).exp() for m, s in codes]
        error = functional.mse_loss(self.decoder(self._join(drawn)), batch["x"])
        divergence = sum(kl_normal(m, s) for m, s in codes) / len(codes)
        middle = torch.stack([m for m, _ in codes]).mean(dim=0)
        apart = sum(functional.mse_loss(m, middle) for m, _ in codes) / len(codes)
        return error + divergence / (3 * batch["x"].shape[1]) + apart / 4


class _Gaussian(nn.Module):
    def __init__(self, inputs: int, latent: int):
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(inputs, 128), nn.ReLU())
        self.mean, self.spread = nn.Linear(128, latent), nn.Linear(128, latent)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.hidden(x)
        return self.mean(h), self.spread(h).clamp(-8, 8)


class AdversarialGraph(nn.Module):
    """PearlST: a graph autoencoder whose latent a critic holds against the normal.

    Reads ``x``, ``graph`` (symmetric norm, self loops) and ``edges``.
    """

    def __init__(self, inputs: int, hidden: int = 256, latent: int = 32):
        super().__init__()
        self.first = GraphConvolution(inputs, hidden)
        self.second = GraphConvolution(hidden, latent)
        self.critic = nn.Sequential(
            nn.Linear(latent, 16), nn.LeakyReLU(0.2), nn.Linear(16, 8),
            nn.LeakyReLU(0.2), nn.Linear(8, 1),
        )  # fmt: skip

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, latent)."""
        graph = inputs["graph"]
        return self.second(functional.relu(self.first(inputs["x"], graph)), graph)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Edges, and Wasserstein distance to the normal with a gradient penalty."""
        z = self.embed(batch)
        drawn = torch.randn_like(z)
        # The reversal makes one step descend for the critic and ascend for z.
        told = self.critic(reversed_gradient(z)).mean() - self.critic(drawn).mean()
        share = torch.rand(len(z), 1, device=z.device)
        between = (share * drawn + (1 - share) * z.detach()).requires_grad_()
        (slope,) = torch.autograd.grad(
            self.critic(between).sum(), between, create_graph=True
        )
        penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
        return edge_error(z, batch["edges"]) + 0.1 * (told + 5 * penalty)


class TwoGraphAttention(nn.Module):
    """SpaDAC: one attention encoder on a spatial and an image graph, concatenated.

    Reads ``x``, ``spatial`` and ``similar`` (two-hop neighbours with self loops) and
    ``edges``.
    """

    def __init__(
        self,
        inputs: int,
        hidden: int = 256,
        latent: int = 32,
        *,
        clusters: int = 10,
        clusters_from: int = 100,
    ):
        super().__init__()
        self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, latent)
        self.attend = nn.ModuleList(
            [GraphAttention(hidden, "leaky"), GraphAttention(latent, "leaky")]
        )
        self.clusters = DeepClusters(
            clusters, 2 * latent, start=clusters_from, every=10
        )

    def _encode(self, x: torch.Tensor, graph: Sparse) -> torch.Tensor:
        for layer, attend in zip((self.first, self.second), self.attend, strict=True):
            h = layer(x)
            x = functional.elu(graph.weighted(attend(h, graph), h))
        return functional.normalize(x, dim=1)

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, 2 latent)."""
        views = [self._encode(inputs["x"], inputs[n]) for n in ("spatial", "similar")]
        return torch.cat(views, dim=1)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Edges of space from inner products, and clusters from their start."""
        z = self.embed(batch)
        # Unit vectors reach one at most: without a scale no edge is ever certain.
        error = edge_error(3 * z, batch["edges"])
        return error + 10 * self.clusters(z, batch)
