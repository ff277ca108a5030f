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
from histobridge.deconvolution.base import Estimate, deconvolver
from histobridge.deconvolution.genes import select_genes
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.signatures import Signatures
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

MODES = ("cells", "clusters")


@system(
    "tangram",
    task="deconvolution",
    needs=("counts", "reference"),
    paper="Biancalani et al. 2021, Nat Methods 18:1352",
    evidence="dev/benchmarks/results/deconvolution.csv",
)
@deconvolver
def tangram(
    adata: "AnnData",
    counts: sp.csr_matrix,
    signatures: Signatures,
    *,
    mode: str = "clusters",
    n_markers: int = 100,
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
    epochs: int = 500,
    seed: int = 0,
) -> Estimate:
    """Soft map of cells or types onto spots.

    Maps, then sums what lands in a spot by type.
    """
    from torch.nn.functional import softmax

    from histobridge.deconvolution.networks.fitting import dense, fit
    from histobridge.deconvolution.networks.tangram import Map

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
        lambda: Map(sources, mass, depth / depth.sum(), weights),
        dense(counts[:, genes]),
        epochs=epochs,
        learning_rate=0.1,
        seed=seed,
    )
    landed = softmax(model.logits, dim=1).detach().numpy() * mass[:, None]
    return Estimate(shares(landed.T.astype(float) @ kind))
