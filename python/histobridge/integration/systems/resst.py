"""ResST: DeepST's autoencoder with another adversary between sections.

Huang et al. 2024 (ResST; code StickTaTa/ResST_main): PCA 50 of augmented genes,
convolutions, and a margin-disparity adversary over sections.

Corrected: the adversary is a cross-entropy behind a gradient reversal. The released
one, kept with ``as_published=True``, uses the true section of every spot for both of
its terms and has no lower bound: it rewards a classifier that is wrong. There is no
residual link in the released code, and none here.

Evidence: none that could be read or re-scored.
"""

from __future__ import annotations

from histobridge.integration.base import Integrator
from histobridge.integration.family import augmented_graph
from histobridge.registry import system


@system(
    "resst",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="ResST 2024 (StickTaTa/ResST_main)",
    evidence="none that could be re-scored; dev/benchmarks/results",
    deviations="bounded adversary; sparse similarities; sampled non-edges",
)
def resst(
    *, epochs: int = 300, seed: int = 0, as_published: bool = False
) -> Integrator:
    """Augmented genes, variational graph autoencoder, adversary between sections."""
    return augmented_graph(
        components=50,
        keep=4,
        share=0.25,
        sections=1.0,
        negatives=not as_published,
        epochs=epochs,
        seed=seed,
        as_published=as_published,
    )
