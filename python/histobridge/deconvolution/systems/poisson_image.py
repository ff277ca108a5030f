"""poisson_image: Poisson likelihood, platform effect, optional image Laplacian.

The house default. The graph prior (none, spatial, or spatial edges weighted by
likeness of the H&E) and its strength are those that predict held-out counts best,
so the image enters only where it helps.
"""

from typing import Any

from histobridge.deconvolution.poisson import PoissonDeconvolver
from histobridge.registry import system


@system(
    "poisson_image",
    task="deconvolution",
    needs=("counts", "reference", "coordinates", "image"),
    status="house",
    paper="house default",
    evidence="dev/benchmarks/results/demo.csv",
)
def poisson_image(**params: Any) -> PoissonDeconvolver:
    """Poisson likelihood with platform effect and optional image Laplacian."""
    return PoissonDeconvolver(**params)
