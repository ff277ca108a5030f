"""starfysh: composition from counts and from the image, as a product of experts.

He et al. 2024, Nat Biotechnol 43:223. Two encoders, one of expression and one of
morphology, each give a Gaussian over log composition; precisions add, and so does a
prior from signature scores; the mixture is decoded to counts. Deviations: signatures
are those of the reference rather than marker lists; image features come from
``add_morphology`` instead of a second autoencoder of pixels; logistic-normal instead
of Dirichlet. Corrected: without an image the expression expert stands alone
(published: fails); several starts are not needed, since the prior names the types.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import keys
from histobridge.deconvolution.base import Deconvolver, Estimate
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.deconvolution.solvers import least_squares
from histobridge.images.features import morphology_columns, spot_features
from histobridge.normalisation import log_normalise
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


def _module():
    import torch
    from torch import nn

    from histobridge.deconvolution.networks import negative_binomial

    class Experts(nn.Module):
        """Encoders of expression and, if there is one, of the image."""

        def __init__(self, profiles, widths, hidden, weight):
            super().__init__()
            genes, k = profiles.shape
            base = torch.tensor(np.log(profiles.T + 1e-7), dtype=torch.float32)
            self.register_buffer("base", base)
            self.widths, self.weight = widths, weight
            self.encoders = nn.ModuleList(
                nn.Sequential(
                    nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 2 * k)
                )
                for width in widths
                if width
            )
            for encoder in self.encoders:
                nn.init.zeros_(encoder[-1].weight)
                nn.init.zeros_(encoder[-1].bias)
            self.shift = nn.Parameter(torch.zeros(genes))
            self.inverse = nn.Parameter(torch.full((genes,), 1.0))

        def joint(self, inputs, prior):
            """Mean and precision of the product of prior and experts."""
            precision = torch.full_like(prior, 1.0)
            mean = prior.clone()
            total = precision * mean
            parts = inputs.split([w for w in self.widths if w], dim=1)
            for encoder, part in zip(self.encoders, parts, strict=True):
                offset, log_precision = encoder(part).chunk(2, dim=1)
                own = torch.exp(log_precision.clamp(-6, 6))
                total = total + own * (prior + offset)
                precision = precision + own
            return total / precision, precision

        def forward(self, counts, depth, inputs, prior, rows):
            mean, precision = self.joint(inputs, prior)
            sample = mean + torch.randn_like(mean) / precision.sqrt()
            share = torch.softmax(sample, dim=1) @ torch.softmax(
                self.base + self.shift, dim=1
            )
            data = negative_binomial(counts, depth * share, torch.exp(self.inverse))
            kl = ((mean - prior) ** 2 + 1 / precision + torch.log(precision) - 1) / 2
            return (data.sum(1) + self.weight * kl.sum(1)).mean() + 5 * (
                self.shift**2
            ).sum() / len(counts)

    return Experts


def solve(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    n_genes: int,
    hidden: int,
    weight: float,
    epochs: int,
    seed: int,
) -> Estimate:
    """Score signatures, encode, mix."""
    import torch

    from histobridge.deconvolution.networks import dense, fit

    genes = select_genes(signatures, counts, "leverage", n_genes)
    profiles = signatures.profiles[genes]
    profiles = profiles / np.maximum(profiles.sum(axis=0), 1e-12)
    y = dense(counts[:, genes])
    depth = np.maximum(y.sum(axis=1, keepdims=True), 1.0)
    score = shares(least_squares(y / depth, profiles, 1 / (profiles.mean(1) + 1e-5)))
    prior = np.log(score + 0.01)
    blocks = expert_inputs(adata, counts[:, genes])
    inputs = np.concatenate(blocks, axis=1)
    model = fit(
        lambda: _module()(profiles, [b.shape[1] for b in blocks], hidden, weight),
        y,
        depth,
        inputs,
        prior,
        epochs=epochs,
        learning_rate=3e-3,
        seed=seed,
        batch=128,
    )
    with torch.no_grad():
        mean, _ = model.joint(
            torch.as_tensor(inputs, dtype=torch.float32),
            torch.as_tensor(prior, dtype=torch.float32),
        )
    amounts = torch.softmax(mean, dim=1).numpy().astype(float)
    return Estimate(shares(amounts, signatures.sizes))


def expert_inputs(adata: "AnnData", counts: sp.csr_matrix) -> list[np.ndarray]:
    """What each expert sees of every spot: expression, and the image where there."""
    logs = log_normalise(counts).toarray()
    blocks = [(logs - logs.mean(0)) / np.maximum(logs.std(0), 0.1)]
    if keys.MORPHOLOGY in adata.obsm:
        columns = np.concatenate(list(morphology_columns(adata).values()))
        blocks.append(spot_features(adata, columns, (1,)))
    return blocks


@system(
    "starfysh",
    task="deconvolution",
    needs=("counts", "reference", "image"),
    paper="He et al. 2024, Nat Biotechnol 43:223",
    evidence="dev/benchmarks/results/deconvolution.csv",
    deviations=(
        "signatures of the reference; image features of add_morphology; "
        "logistic-normal for Dirichlet"
    ),
)
def starfysh(
    *,
    n_genes: int = 1000,
    hidden: int = 64,
    weight: float = 1.0,
    epochs: int = 100,
    seed: int = 0,
) -> Deconvolver:
    """Product of experts of expression and image."""
    return Deconvolver(
        solve, n_genes=n_genes, hidden=hidden, weight=weight, epochs=epochs, seed=seed
    )
