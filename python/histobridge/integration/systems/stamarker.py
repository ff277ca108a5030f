"""STAMarker: an ensemble of attention autoencoders and the consensus of its members.

Zhang et al. 2023 (Nucleic Acids Res 51:e103): several STAGATE networks with
different seeds (leaky attention), a clustering of each, average linkage on how
often two spots agree.

Corrected: co-association is taken on anchors, never on all pairs; its classifier
(softmax over the wrong axis, then cross-entropy of the softmax) serves saliency
only and has no part in domains.

Evidence: 151507 members .502 to .552, consensus .528 (shipped labels): the ensemble
steadies, it does not improve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge.integration.base import Integrator
from histobridge.integration.consensus import coassociation
from histobridge.integration.heads import Mixture
from histobridge.integration.neural import Neural
from histobridge.integration.selection import number_of_domains
from histobridge.integration.systems.stagate import FAST, stagate_inputs
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData

LATENT = 30


@system(
    "stamarker",
    task="domains",
    needs=("counts", "coordinates"),
    paper="Zhang et al. 2023, Nucleic Acids Res 51:e103",
    evidence="151507 .528, members .502 to .552 (shipped labels)",
    deviations="members as in stagate; co-association on anchors",
)
def stamarker(
    *, members: int = 5, epochs: int | None = None, seed: int = 0
) -> Integrator:
    """Consensus of several graph attention autoencoders."""

    def network(inputs: dict[str, Any]):
        from histobridge.integration.networks.attention import AttentionAutoencoder

        width = inputs["x"].shape[1]
        return AttentionAutoencoder(width, 128, LATENT, squash="leaky")

    def embed(adata: AnnData, seed: int) -> np.ndarray:
        inputs = stagate_inputs(adata, seed)
        one = Neural(lambda adata, seed: inputs, network, FAST.but(epochs=epochs))
        runs = [one(adata, member) for member in _seeds(seed, members)]
        return np.hstack(runs)

    def head(
        embedding: np.ndarray, k: int | None, seed: int, adata: AnnData
    ) -> np.ndarray:
        runs = np.split(embedding, members, axis=1)
        k = k or number_of_domains(runs[0], seed)
        return coassociation([Mixture()(z, k, seed, adata) for z in runs], k, seed=seed)

    return Integrator(embed, head, seed=seed)


def _seeds(seed: int, members: int) -> list[int]:
    # Ensembles of neighbouring seeds must not share members.
    return np.random.SeedSequence(seed).generate_state(members).tolist()
