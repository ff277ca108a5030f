"""poisson_image: Poisson likelihood, platform effect, optional image Laplacian.

The house default. The graph prior (none, spatial, or spatial edges weighted by
likeness of the H&E) and its strength are those that predict held-out counts best,
so the image enters only where it helps.
"""

from collections.abc import Sequence

from histobridge.deconvolution.poisson import STRENGTHS, PoissonDeconvolver
from histobridge.registry import system


@system(
    "poisson_image",
    task="deconvolution",
    needs=("counts", "reference", "coordinates", "image"),
    status="house",
    paper="house default",
    evidence="dev/benchmarks/results/demo.csv",
)
def poisson_image(
    *,
    graph: str = "auto",
    strengths: Sequence[float] = STRENGTHS,
    cells: bool = True,
    platform: float = 100.0,
    max_iter: int = 2000,
    tol: float = 1e-5,
    seed: int = 0,
) -> PoissonDeconvolver:
    """Poisson likelihood with platform effect and optional image Laplacian."""
    return PoissonDeconvolver(
        graph=graph,
        strengths=strengths,
        cells=cells,
        platform=platform,
        max_iter=max_iter,
        tol=tol,
        seed=seed,
    )
