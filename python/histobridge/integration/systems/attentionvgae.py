"""AttentionVGAE: augmented genes, attention, variational graph autoencoder.

Lei et al. 2024 (code Listen-lei/AttentionVGAE-main): MaxViT features of the image in
the augmentation over six neighbours, PCA 128, attention in the dense encoder,
DeepST's variational part and clusters.

Corrected: the published attention runs over sequences of one spot, where it is a
linear layer; here spots attend to their neighbours. ``as_published=True`` keeps it.
Deviations: whatever morphology the object holds takes the place of MaxViT logits.

Evidence: none that could be re-scored.
"""

from __future__ import annotations

from histobridge.integration.base import Integrator
from histobridge.integration.family import augmented_graph
from histobridge.registry import system


@system(
    "attentionvgae",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="AttentionVGAE 2024 (Listen-lei/AttentionVGAE-main)",
    evidence="none that could be re-scored; dev/benchmarks/results",
    deviations="attention over neighbours; any image features; sampled non-edges",
)
def attentionvgae(
    *, epochs: int = 300, seed: int = 0, as_published: bool = False
) -> Integrator:
    """Augmented genes through attention and a variational graph autoencoder."""
    return augmented_graph(
        components=128,
        keep=6,
        share=0.25,
        attention=not as_published,
        heads=4 if as_published else 0,
        negatives=not as_published,
        epochs=epochs,
        seed=seed,
        as_published=as_published,
    )
