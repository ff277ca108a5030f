"""ridge_plus: kernel ridge on colour, texture and ImageNet features with context.

The house default. Features are standardised within each section, so that stain and
scanner differences go without touching expression; each spot sees itself, its 9
and its 25 nearest spots; colour statistics carry three quarters of the kernel
because a cross-animal stain shift hurts them less than ImageNet features; the
penalty comes from inner folds by patient, section or block.
"""

from histobridge.registry import system
from histobridge.translation.ridge import KernelRidge, View


@system(
    "ridge_plus",
    task="translation",
    needs=("image", "coordinates"),
    status="house",
    paper="house default",
    evidence="dev/benchmarks/results/demo.csv",
)
def ridge_plus(*, seed: int = 0) -> KernelRidge:
    """Kernel ridge on colour, texture and ImageNet features with context."""
    return KernelRidge(
        [
            View("colour", neighbours=(1, 9, 25), weight=0.75),
            View("*", neighbours=(1, 9), weight=0.25),
        ],
        seed=seed,
    )
