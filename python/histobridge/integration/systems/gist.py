"""GIST: foundation-model image features in a hybrid graph transformer.

2025 (doi 10.34133/research.0568). Only the abstract could be read and no code was
found. Assumed: it is SiGra, with whose authors it shares one, with the image patch
replaced by the features of a foundation encoder; here all principal components up
to 200 of whatever morphology the object holds.

Evidence: abstract only ("up to 49.72 %", of what is not said there).
"""

from __future__ import annotations

from histobridge.integration.base import Integrator
from histobridge.integration.systems.sigra import hybrid
from histobridge.registry import system


@system(
    "gist",
    task="domains",
    needs=("counts", "coordinates", "image"),
    paper="GIST 2025, Research, doi 10.34133/research.0568",
    evidence="abstract only",
    deviations="assumed from the abstract: SiGra on encoder features",
)
def gist(*, epochs: int | None = None, seed: int = 0) -> Integrator:
    """Hybrid graph transformer on foundation features (from the abstract)."""
    return hybrid(200, epochs, seed)
