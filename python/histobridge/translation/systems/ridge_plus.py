"""ridge_plus: kernel ridge on colour, texture and ImageNet features with context.

The house default. Features are standardised within each section, so that stain and
scanner differences go without touching expression; each spot sees itself and the
means of its surroundings; colour statistics carry three quarters of the kernel
because a stain shift hurts them less than ImageNet features. Half of the kernel is
Gaussian, which wins where training and test tissue are alike, and half is linear,
which still points the right way where they are not. The penalty comes from inner
folds by patient, section or block.
"""

from histobridge.registry import system
from histobridge.translation.ridge import KernelRidge, View

VIEWS = (
    View("colour", neighbours=(1, 9, 25), weight=0.375),
    View("*", neighbours=(1, 9), weight=0.125),
    View("colour", neighbours=(1, 9), weight=0.375, linear=True),
    View("*", neighbours=(1, 9), weight=0.125, linear=True),
)


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
    return KernelRidge(VIEWS, seed=seed)
