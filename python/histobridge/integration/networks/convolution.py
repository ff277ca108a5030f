"""Networks of graph convolutions: GraphST, SpaceFlow, MCGAE, STAIG, SpatialGlue."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from histobridge.integration.networks.layers import (
    GraphConvolution,
    ViewAttention,
    xavier,
)
from histobridge.integration.networks.losses import (
    DeepClusters,
    Infomax,
    neighbour_contrast,
)
from histobridge.integration.networks.operators import Batch, Sparse


def shuffled(x: torch.Tensor) -> torch.Tensor:
    """Rows in another order: every spot has the genes of another."""
    return x[torch.randperm(len(x)).to(x.device)]


class LinearGraphAutoencoder(nn.Module):
    """GraphST: ``A (A X W1) W2``, and local infomax on the rectified latent.

    Reads ``x`` (n, d), ``graph`` (symmetric norm, self loops) and ``mean`` (row mean
    of the neighbours). The embedding is the reconstruction.
    """

    def __init__(self, inputs: int, latent: int = 64):
        super().__init__()
        self.first, self.second = xavier(inputs, latent), xavier(latent, inputs)
        self.infomax = Infomax(latent)

    def embed(self, inputs: Any) -> torch.Tensor:
        """Reconstruction (n, d)."""
        graph = inputs["graph"]
        return graph @ ((graph @ (inputs["x"] @ self.first)) @ self.second)

    def loss(self, batch: Batch) -> torch.Tensor:
        """10 times the squared error, and infomax both ways."""
        graph, x = batch["graph"], batch["x"]
        z, other = graph @ (x @ self.first), graph @ (shuffled(x) @ self.first)
        error = functional.mse_loss(graph @ (z @ self.second), x)
        real, fake = functional.relu(z), functional.relu(other)
        means = [
            functional.normalize(batch["mean"] @ view, dim=1) for view in (real, fake)
        ]
        told = self.infomax(real, fake, means[0]) + self.infomax(fake, real, means[1])
        return 10 * error + told


class SpatialInfomax(nn.Module):
    """SpaceFlow: two graph convolutions, infomax, and near spots kept near.

    Reads ``x``, ``graph``, ``points`` (n, 2) in pitches and ``sections`` (n,).
    """

    def __init__(self, inputs: int, latent: int = 50, penalty: float = 0.1):
        super().__init__()
        self.first = GraphConvolution(inputs, latent)
        self.second = GraphConvolution(latent, latent)
        self.slope = nn.PReLU()
        self.infomax = Infomax(latent)
        self.penalty = penalty

    def _encode(self, x: torch.Tensor, graph: Sparse) -> torch.Tensor:
        return self.second(self.slope(self.first(x, graph)), graph)

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, latent)."""
        return self._encode(inputs["x"], inputs["graph"])

    def loss(self, batch: Batch) -> torch.Tensor:
        """Infomax, and a penalty on pairs near in latent but far in space."""
        x, graph, points = batch["x"], batch["graph"], batch["points"]
        real, fake = self._encode(x, graph), self._encode(shuffled(x), graph)
        told = self.infomax(real, fake, real.mean(dim=0, keepdim=True))
        one, other = (torch.randint(len(x), (len(x),)).to(x.device) for _ in range(2))
        # Positions of different sections are in no common frame.
        alike = batch["sections"][one] == batch["sections"][other]
        one, other = one[alike], other[alike]
        apart = (points[one] - points[other]).norm(dim=1)
        # A pair with itself has no gradient of its distance.
        latent = ((real[one] - real[other]) ** 2).sum(1).add(1e-12).sqrt()
        near = 1 - latent / latent.max().detach().clamp(min=1e-12)
        far = (apart / apart.max().clamp(min=1e-12)) * near
        return told + self.penalty * far.mean()


class ContrastiveViews(nn.Module):
    """MCGAE: views of the genes through two graphs, fused, contrasted, clustered.

    Reads ``x`` and ``denoised`` (n, d), ``spatial`` and ``similar`` graphs
    (symmetric norm, self loops), and ``image`` (n, e) where there is one.
    """

    def __init__(
        self, inputs: int, image: int | None, latent: int = 50, clusters: int = 15
    ):
        super().__init__()
        self.genes = GraphConvolution(inputs, latent)
        self.denoised = GraphConvolution(inputs, latent)
        self.image = None
        if image:
            self.image = nn.Sequential(
                nn.Linear(image, 128), nn.ELU(), nn.Linear(128, latent)
            )
        self.fuse = ViewAttention(latent)
        self.decoder = GraphConvolution(latent, inputs)
        self.infomax = Infomax(latent)
        self.clusters = DeepClusters(clusters, latent, start=100, every=10)

    def _encode(self, inputs: Any, x: torch.Tensor, denoised: torch.Tensor):
        views = [
            self.genes(x, inputs["spatial"]),
            self.genes(x, inputs["similar"]),
            self.denoised(denoised, inputs["spatial"]),
        ]
        return self.fuse(*views)

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, latent)."""
        z = self._encode(inputs, inputs["x"], inputs["denoised"])
        return z if self.image is None else z + 1.9 * self.image(inputs["image"])

    def loss(self, batch: Batch) -> torch.Tensor:
        """Reconstruction .1, graph .1, infomax .5, clusters 1 from epoch 100."""
        z = self.embed(batch)
        fake = self._encode(batch, shuffled(batch["x"]), shuffled(batch["denoised"]))
        error = functional.mse_loss(self.decoder(z, batch["spatial"]), batch["x"])
        graph = batch["spatial"]
        unit = functional.normalize(z, dim=1)
        near = 1 - (unit[graph.rows] * unit[graph.columns]).sum(1).mean()
        told = sum(
            self.infomax(z, fake, functional.normalize(batch[name] @ z, dim=1))
            for name in ("spatial", "similar")
        )
        grouped = self.clusters(z, batch)
        return 0.1 * error + 0.1 * near + 0.5 * told + grouped


class NeighbourContrast(nn.Module):
    """STAIG: one graph convolution, edges dropped by dissimilarity, InfoNCE.

    Reads ``x``, ``graph`` (weights: probability that an edge is kept), ``positive``
    (neighbours) and ``groups`` (n,) of the image where there is one.
    """

    def __init__(self, inputs: int, latent: int = 64, temperature: float = 30.0):
        super().__init__()
        self.encoder = GraphConvolution(inputs, latent)
        self.project = nn.Sequential(
            nn.Linear(latent, latent), nn.ELU(), nn.Linear(latent, latent)
        )
        self.temperature = temperature

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, latent) on the whole graph."""
        return functional.relu(self._mean(inputs, torch.ones_like))

    def _mean(self, inputs: Any, keep: Any) -> torch.Tensor:
        graph = inputs["graph"]
        weight = keep(graph.values)
        h = inputs["x"] @ self.encoder.weight
        total = torch.zeros(len(h), device=h.device).index_add(0, graph.rows, weight)
        return graph.weighted(weight / total[graph.rows].clamp(min=1), h)

    def loss(self, batch: Batch) -> torch.Tensor:
        """InfoNCE between two views with edges dropped."""
        views, bias = [], self.encoder.bias
        assert bias is not None
        for _ in range(2):
            h = self._mean(batch, lambda p: (torch.rand_like(p) < p).float())
            views.append(self.project(functional.relu(h + bias)))
        one, other = views
        return neighbour_contrast(
            one, other, batch["positive"], self.temperature / 10, batch["groups"]
        )


class DualGraphFusion(nn.Module):
    """SpatialGlue: each modality on two graphs, attention within and across them.

    Reads ``genes`` and ``image`` (n, d), ``spatial``, ``similar_genes`` and
    ``similar_image``; without an image the genes are the only modality.
    """

    def __init__(self, widths: dict[str, int], latent: int = 64):
        super().__init__()
        self.encoders = nn.ModuleDict(
            {
                name: GraphConvolution(d, latent, bias=False)
                for name, d in widths.items()
            }
        )
        self.decoders = nn.ModuleDict(
            {
                name: GraphConvolution(latent, d, bias=False)
                for name, d in widths.items()
            }
        )
        self.within = nn.ModuleDict({name: ViewAttention(latent) for name in widths})
        self.across = ViewAttention(latent)

    def _latents(self, inputs: Any) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        own = {}
        for name, encoder in self.encoders.items():
            graphs = inputs["spatial"], inputs[f"similar_{name}"]
            own[name] = self.within[name](*(encoder(inputs[name], g) for g in graphs))
        return own, self.across(*own.values())

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, latent)."""
        return self._latents(inputs)[1]

    def loss(self, batch: Batch) -> torch.Tensor:
        """Each modality from the joint latent; each latent through the others."""
        own, joint = self._latents(batch)
        graph, total = batch["spatial"], torch.zeros(())
        for name, decoder in self.decoders.items():
            found = decoder(joint, graph)
            total = total + functional.mse_loss(found, batch[name])
            for other in own:
                if other != name:
                    # There and back: a latent must survive the other modality.
                    there = self.decoders[other](own[name], graph)
                    back = self.encoders[other](there, graph)
                    total = total + functional.mse_loss(back, own[name])
        return total


class GraphAutoencoder(nn.Module):
    """Two graph convolutions there and two back, squared error.

    Reads ``x`` and ``graph`` (symmetric norm, self loops).
    """

    def __init__(self, inputs: int, hidden: int = 128, latent: int = 30):
        super().__init__()
        widths = (inputs, hidden, latent, hidden, inputs)
        self.layers = nn.ModuleList(
            GraphConvolution(one, other) for one, other in pairwise(widths)
        )

    def _pass(self, inputs: Any, stop: int) -> torch.Tensor:
        h = inputs["x"]
        for depth, layer in enumerate(self.layers[:stop]):
            h = layer(h, inputs["graph"])
            # The latent and the output are linear.
            h = functional.elu(h) if depth % 2 == 0 else h
        return h

    def embed(self, inputs: Any) -> torch.Tensor:
        """Latent (n, latent)."""
        return self._pass(inputs, 2)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Squared error of the reconstruction."""
        return functional.mse_loss(self._pass(batch, 4), batch["x"])
