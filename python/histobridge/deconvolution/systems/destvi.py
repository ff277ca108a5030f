"""destvi: types that vary within themselves, by a decoder shared with single cells.

Lopez et al. 2022, Nat Biotechnol 40:1360. A variational autoencoder conditioned on the
type learns how cells of a type differ; a spot is a mixture of decoded types, each at a
latent place of its own, with a gene-wise platform factor and a dummy type. Deviations:
200 + 300 steps, latent places regularised to the mean cell of the type instead of a
mixture of VampPrior components, no amortisation: proportions are free per spot.
Corrected: proportions start from those of fixed signatures; from random ones, the
published training ends at chance on a few hundred spots.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution.base import Deconvolver, Estimate
from histobridge.deconvolution.gamma_poisson import maximum_likelihood
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.mixture import Mixture
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


def _modules():
    import torch
    from torch import nn
    from torch.nn.functional import softplus

    from histobridge.deconvolution.networks import inverse_softplus, negative_binomial

    class Cells(nn.Module):
        """Conditional autoencoder; the decoder moves the profile of the type."""

        def __init__(self, profiles, latent, hidden):
            super().__init__()
            genes, k = profiles.shape
            base = torch.tensor(np.log(profiles.T + 1e-6), dtype=torch.float32)
            self.register_buffer("base", base)
            self.latent = latent
            self.encoder = nn.Sequential(
                nn.Linear(genes + k, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)
            )
            self.decoder = nn.Sequential(
                nn.Linear(latent + k, hidden), nn.ReLU(), nn.Linear(hidden, genes)
            )
            self.inverse = nn.Parameter(torch.zeros(genes))

        def decode(self, z, one_hot):
            shift = self.decoder(torch.cat([z, one_hot], -1)) - self.decoder(
                torch.cat([torch.zeros_like(z), one_hot], -1)
            )
            return torch.softmax(one_hot @ self.base + shift, dim=-1)

        def forward(self, counts, one_hot, depth, rows):
            code = self.encoder(torch.cat([torch.log1p(counts), one_hot], 1))
            mean, log_sd = code.chunk(2, dim=1)
            z = mean + torch.exp(log_sd) * torch.randn_like(mean)
            share = self.decode(z, one_hot)
            data = negative_binomial(counts, depth * share, softplus(self.inverse))
            kl = (mean**2 + torch.exp(2 * log_sd) - 2 * log_sd - 1).sum(1) / 2
            return (data.sum(1) + kl).mean()

    class Spots(nn.Module):
        """Amounts and latent places of every spot and type."""

        def __init__(self, cells, amounts):
            super().__init__()
            n, k = amounts.shape
            # Kept out of the parameters: the decoder stays as the cells taught it.
            self.known = [cells.requires_grad_(False)]
            self.amount = nn.Parameter(inverse_softplus(amounts + 1e-3))
            self.dummy = nn.Parameter(torch.full((n, 1), -4.0))
            self.place = nn.Parameter(torch.zeros(n, k, cells.latent))
            self.factor = nn.Parameter(torch.zeros(len(cells.inverse)))
            self.extra = nn.Parameter(torch.zeros(len(cells.inverse)))
            self.inverse = nn.Parameter(cells.inverse.detach() + 2.0)

        def forward(self, counts, depth, rows):
            n, k, _ = self.place.shape
            one_hot = torch.eye(k).expand(n, k, k)
            share = self.known[0].decode(self.place, one_hot)
            mixed = torch.einsum("nk,nkg->ng", softplus(self.amount), share)
            mixed = mixed * torch.exp(self.factor)
            mixed = mixed + softplus(self.dummy) * torch.softmax(self.extra, 0)
            data = negative_binomial(counts, depth * mixed, softplus(self.inverse))
            prior = (self.place**2).sum() / 2 + 5 * (self.factor**2).sum()
            return (data.sum() + prior + (self.extra**2).sum() / 2) / n

    return Cells, Spots


def solve(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    n_genes: int,
    latent: int,
    hidden: int,
    cell_epochs: int,
    epochs: int,
    seed: int,
) -> Estimate:
    """Fit the cells, then the spots with the decoder held."""
    from torch.nn.functional import softplus

    from histobridge.deconvolution.networks import dense, fit

    genes = select_genes(signatures, counts, "leverage", n_genes)
    of_cells, of_spots = _modules()
    y = dense(counts[:, genes])
    cells = dense(signatures.cells[:, genes])
    profiles = signatures.profiles[genes]
    profiles = profiles / np.maximum(profiles.sum(axis=0), 1e-12)
    decoder = fit(
        lambda: of_cells(profiles, latent, hidden),
        cells,
        np.eye(len(signatures.types))[signatures.codes],
        cells.sum(axis=1, keepdims=True),
        epochs=cell_epochs,
        learning_rate=1e-3,
        seed=seed,
        batch=128,
    )
    mixture = Mixture.of(counts[:, genes], profiles, 100.0)
    start = maximum_likelihood(mixture, rounds=3).mean
    model = fit(
        lambda: of_spots(decoder, shares(start)),
        y,
        np.maximum(y.sum(axis=1, keepdims=True), 1.0),
        epochs=epochs,
        learning_rate=0.01,
        seed=seed,
    )
    amounts = softplus(model.amount).detach().numpy().astype(float)
    return Estimate(shares(amounts, signatures.sizes))


@system(
    "destvi",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Lopez et al. 2022, Nat Biotechnol 40:1360",
    evidence="dev/benchmarks/results/deconvolution.csv",
    deviations=(
        "500 steps; latent places regularised to the mean cell; proportions "
        "free per spot, started from fixed signatures"
    ),
)
def destvi(
    *,
    n_genes: int = 400,
    latent: int = 4,
    hidden: int = 64,
    cell_epochs: int = 40,
    epochs: int = 100,
    seed: int = 0,
) -> Deconvolver:
    """Mixtures of decoded types that vary within themselves."""
    return Deconvolver(
        solve,
        n_genes=n_genes,
        latent=latent,
        hidden=hidden,
        cell_epochs=cell_epochs,
        epochs=epochs,
        seed=seed,
    )
