"""tangram: a soft map of cells, or of types, onto spots by cosine similarity.

Biancalani et al. 2021, Nat Methods 18:1352. Rows of a map, softmax over spots, are
chosen so that mapped expression resembles the measured one gene by gene and spot by
spot, at a density that follows the counts. Corrected: proportions are normalised
(published: sums of probabilities, which users take for proportions), the density
prior has the weight that is stated, seed 0 is a seed, and ``clusters`` weighs types by
their frequency in the reference.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.contract import ContractError
from histobridge.deconvolution.base import Deconvolver, Estimate
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

MODES = ("cells", "clusters")


def _module():
    import torch
    from torch import nn
    from torch.nn.functional import cosine_similarity, softmax

    class Map(nn.Module):
        """Logits (n_sources, n_spots)."""

        def __init__(self, sources, mass, density, weights):
            super().__init__()
            self.register_buffer("sources", torch.tensor(sources, dtype=torch.float32))
            self.register_buffer("mass", torch.tensor(mass, dtype=torch.float32))
            self.register_buffer("density", torch.tensor(density, dtype=torch.float32))
            self.weights = weights
            self.logits = nn.Parameter(torch.randn(len(mass), len(density)))

        def forward(self, measured, rows):
            share = softmax(self.logits, dim=1) * self.mass[:, None]
            mapped = share.T @ self.sources
            density = share.sum(dim=0)
            gap = (self.density * torch.log(self.density / (density + 1e-12))).sum()
            by_gene = cosine_similarity(mapped, measured, dim=0).mean()
            by_spot = cosine_similarity(mapped, measured, dim=1).mean()
            gene, spot, even = self.weights
            return even * gap - gene * by_gene - spot * by_spot

    return Map


def solve(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    mode: str,
    n_markers: int,
    weights: tuple[float, float, float],
    epochs: int,
    seed: int,
) -> Estimate:
    """Map, then sum what lands in a spot by type."""
    from torch.nn.functional import softmax

    from histobridge.deconvolution.networks import dense, fit

    if mode not in MODES:
        raise ContractError("a mode of tangram", repr(mode), MODES)
    genes = select_genes(signatures, counts, "markers", n_markers)
    one_hot = np.eye(len(signatures.types))[signatures.codes]
    if mode == "cells":
        sources, kind = dense(signatures.cells[:, genes]), one_hot
    else:
        n = one_hot.sum(axis=0)
        sources = one_hot.T @ dense(signatures.cells[:, genes]) / n[:, None]
        kind = np.eye(len(n))
    mass = kind @ (one_hot.mean(axis=0) / kind.sum(axis=0))
    depth = np.asarray(counts.sum(axis=1)).ravel()
    model = fit(
        lambda: _module()(sources, mass, depth / depth.sum(), weights),
        dense(counts[:, genes]),
        epochs=epochs,
        learning_rate=0.1,
        seed=seed,
    )
    landed = softmax(model.logits, dim=1).detach().numpy() * mass[:, None]
    return Estimate(shares(landed.T.astype(float) @ kind))


@system(
    "tangram",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Biancalani et al. 2021, Nat Methods 18:1352",
    evidence="dev/benchmarks/results/deconvolution.csv",
    deviations="proportions are normalised; the density prior has the stated weight",
)
def tangram(
    *,
    mode: str = "clusters",
    n_markers: int = 100,
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    epochs: int = 500,
    seed: int = 0,
) -> Deconvolver:
    """Soft map of cells or types onto spots."""
    return Deconvolver(
        solve,
        mode=mode,
        n_markers=n_markers,
        weights=tuple(weights),
        epochs=epochs,
        seed=seed,
    )
