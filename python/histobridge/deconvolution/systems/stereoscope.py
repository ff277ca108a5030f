"""stereoscope: negative binomial signatures, negative binomial mixtures, a noise type.

Andersson et al. 2020, Commun Biol 3:565. Gene rates per type and one dispersion per
gene are fitted to the cells; a spot is their mixture with a gene-wise platform factor
and a noise type. Deviations: 100 passes over cells and 1,000 steps over spots instead
of 20,000 each, from the mean profiles, where they have converged.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution.base import Deconvolver, Estimate
from histobridge.deconvolution.genes import select_genes
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
        """Rates (n_genes, n_types) per count of depth and dispersion of cells."""

        def __init__(self, profiles: np.ndarray):
            super().__init__()
            start = 1e4 * profiles + 1e-3
            self.rate = nn.Parameter(inverse_softplus(start))
            self.inverse = nn.Parameter(torch.zeros(len(profiles)))

        def forward(self, counts, one_hot, depth, rows):
            mean = depth * (one_hot @ softplus(self.rate).T) / 1e4
            return negative_binomial(counts, mean, softplus(self.inverse)).mean()

    class Spots(nn.Module):
        """Amounts (n_spots, n_types + 1), the last of noise."""

        def __init__(self, cells: Cells, n: int):
            super().__init__()
            self.register_buffer("rate", softplus(cells.rate.detach()) / 1e4)
            self.register_buffer("inverse", softplus(cells.inverse.detach()))
            genes, k = self.rate.shape
            start = np.full((n, k + 1), 1.0 / k)
            self.amount = nn.Parameter(inverse_softplus(start))
            self.factor = nn.Parameter(torch.full((genes,), 0.5413))
            self.noise = nn.Parameter(torch.zeros(genes))

        def forward(self, counts, depth, rows):
            amount = softplus(self.amount[rows])
            known = amount[:, :-1] @ (softplus(self.factor)[:, None] * self.rate).T
            extra = amount[:, -1:] * softplus(self.noise) / len(self.noise)
            nll = negative_binomial(counts, depth * (known + extra), self.inverse)
            prior = (self.noise**2).sum() / 2 + (self.factor - 0.5413).pow(2).sum() / 2
            return nll.sum(dim=1).mean() + prior / len(self.amount)

    return Cells, Spots


def solve(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    n_genes: int,
    cell_epochs: int,
    epochs: int,
    cells: bool,
    seed: int,
) -> Estimate:
    """Fit the cells, then the spots."""
    from torch.nn.functional import softplus

    from histobridge.deconvolution.networks import dense, fit

    genes = select_genes(signatures, counts, "leverage", n_genes)
    of_cells, of_spots = _modules()
    one_hot = np.eye(len(signatures.types))[signatures.codes]
    reference = fit(
        lambda: of_cells(signatures.profiles[genes]),
        dense(signatures.cells[:, genes]),
        one_hot,
        signatures.depth[:, None],
        epochs=cell_epochs,
        learning_rate=0.01,
        seed=seed,
        batch=256,
    )
    y = dense(counts[:, genes])
    spots = fit(
        lambda: of_spots(reference, len(y)),
        y,
        np.asarray(counts.sum(axis=1)),
        epochs=epochs,
        learning_rate=0.05,
        seed=seed,
    )
    amounts = softplus(spots.amount).detach().numpy()[:, :-1].astype(float)
    return Estimate(shares(amounts, signatures.sizes if cells else None))


@system(
    "stereoscope",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Andersson et al. 2020, Commun Biol 3:565",
    evidence="dev/benchmarks/results/deconvolution.csv",
    deviations=(
        "100 passes over cells and 1,000 steps over spots, from the mean profiles"
    ),
)
def stereoscope(
    *,
    n_genes: int = 1000,
    cell_epochs: int = 50,
    epochs: int = 500,
    cells: bool = True,
    seed: int = 0,
) -> Deconvolver:
    """Negative binomial mixtures with a noise type."""
    return Deconvolver(
        solve,
        n_genes=n_genes,
        cell_epochs=cell_epochs,
        epochs=epochs,
        cells=cells,
        seed=seed,
    )
