"""destvi: types that vary within themselves, by a decoder shared with single cells.

Lopez et al. 2022, Nat Biotechnol 40:1360. A variational autoencoder conditioned on the
type learns how cells of a type differ; a spot is a mixture of decoded types, each at a
latent place of its own, with a gene-wise platform factor and a dummy type. Deviations:
40 + 100 steps, latent places regularised to the mean cell of the type instead of a
mixture of VampPrior components, no amortisation: proportions are free per spot.
Corrected: proportions start from those of fixed signatures; from random ones, the
published training ends at chance on a few hundred spots.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.gamma_poisson import maximum_likelihood
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.mixture import Mixture
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "destvi",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Lopez et al. 2022, Nat Biotechnol 40:1360",
    evidence="dev/benchmarks/results/deconvolution.csv",
    deviations=(
        "40 passes over cells, 100 steps over spots; latent places regularised to "
        "the mean cell; proportions free per spot, started from fixed signatures"
    ),
)
@deconvolver
def destvi(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    n_genes: int = 400,
    latent: int = 4,
    hidden: int = 64,
    cell_epochs: int = 40,
    epochs: int = 100,
    seed: int = 0,
) -> Estimate:
    """Mixtures of decoded types that vary within themselves.

    Fits the cells, then the spots with the decoder held.
    """
    from torch.nn.functional import softplus

    from histobridge.deconvolution.networks.destvi import Cells, Spots
    from histobridge.deconvolution.networks.fitting import dense, fit

    genes = select_genes(signatures, counts, "leverage", n_genes)
    y = dense(counts[:, genes])
    cells = dense(signatures.cells[:, genes])
    profiles = signatures.profiles[genes]
    profiles = profiles / np.maximum(profiles.sum(axis=0), 1e-12)
    decoder = fit(
        lambda: Cells(profiles, latent, hidden),
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
        lambda: Spots(decoder, shares(start)),
        y,
        np.maximum(y.sum(axis=1, keepdims=True), 1.0),
        epochs=epochs,
        learning_rate=0.01,
        seed=seed,
    )
    amounts = softplus(model.amount).detach().numpy().astype(float)
    return Estimate(shares(amounts, signatures.sizes))
