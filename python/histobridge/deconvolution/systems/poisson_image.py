"""poisson_image: Poisson likelihood, platform effect, prior from image and place.

The house default. The prior (none, the tissue's composition, spatial neighbours, or
neighbours weighted by likeness of the H&E) and its strength are those that predict
held-out counts best, so the image enters only where it helps; ``image="ignore"`` and
``image="shuffle"`` are the ablations.
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
    evidence="dev/benchmarks/results/deconvolution.csv",
)
def poisson_image(
    *,
    graph: str = "auto",
    image: str = "use",
    strengths: Sequence[float] = STRENGTHS,
    cells: bool = True,
    platform: float = 3000.0,
    background: float = 0.1,
    level: float | None = None,
    nuclei: str | None = None,
    max_iter: int = 200,
    tol: float = 1e-4,
    seed: int = 0,
) -> PoissonDeconvolver:
    """Poisson likelihood with platform effect and a prior from image and place."""
    return PoissonDeconvolver(
        graph=graph,
        image=image,
        strengths=strengths,
        cells=cells,
        platform=platform,
        background=background,
        level=level,
        nuclei=nuclei,
        max_iter=max_iter,
        tol=tol,
        seed=seed,
    )
