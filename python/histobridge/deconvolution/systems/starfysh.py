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
from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.deconvolution.solvers import least_squares
from histobridge.images.features import morphology_columns, spot_features
from histobridge.normalisation import log_normalise
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "starfysh",
    task="deconvolution",
    needs=("counts", "reference", "image"),
    paper="He et al. 2024, Nat Biotechnol 43:223",
    evidence="dev/benchmarks/results/deconvolution.csv",
)
@deconvolver
def starfysh(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    n_genes: int = 1000,
    hidden: int = 64,
    weight: float = 1.0,
    epochs: int = 100,
    seed: int = 0,
) -> Estimate:
    """Product of experts of expression and image.

    Scores signatures, encodes, mixes.
    """
    import torch

    from histobridge.deconvolution.networks.fitting import dense, fit
    from histobridge.deconvolution.networks.starfysh import Experts

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
        lambda: Experts(profiles, [b.shape[1] for b in blocks], hidden, weight),
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
