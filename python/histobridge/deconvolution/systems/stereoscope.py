"""stereoscope: negative binomial signatures, negative binomial mixtures, a noise type.

Andersson et al. 2020, Commun Biol 3:565. Gene rates per type and one dispersion per
gene are fitted to the cells; a spot is their mixture with a gene-wise platform factor
and a noise type. Deviations: 50 passes over cells and 500 steps over spots instead of
20,000 each, from the mean profiles, where they have converged.
"""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "stereoscope",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Andersson et al. 2020, Commun Biol 3:565",
    evidence="dev/benchmarks/results/deconvolution.csv",
    deviations=(
        "50 passes over cells and 500 steps over spots, from the mean profiles"
    ),
)
@deconvolver
def stereoscope(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    n_genes: int = 1000,
    cell_epochs: int = 50,
    epochs: int = 500,
    cells: bool = True,
    seed: int = 0,
) -> Estimate:
    """Negative binomial mixtures with a noise type."""
    from torch.nn.functional import softplus

    from histobridge.deconvolution.networks.fitting import dense, fit
    from histobridge.deconvolution.networks.stereoscope import Cells, Spots

    genes = select_genes(signatures, counts, "leverage", n_genes)
    one_hot = np.eye(len(signatures.types))[signatures.codes]
    reference = fit(
        lambda: Cells(signatures.profiles[genes]),
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
        lambda: Spots(reference, len(y)),
        y,
        np.asarray(counts.sum(axis=1)),
        epochs=epochs,
        learning_rate=0.05,
        seed=seed,
    )
    amounts = softplus(spots.amount).detach().numpy()[:, :-1].astype(float)
    return Estimate(shares(amounts, signatures.sizes if cells else None))
