"""How a benchmark is carried out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from histobridge.evaluation.cost import Energy
from histobridge.parallel import Progress


@dataclass(frozen=True)
class Execution:
    """How a run is carried out, which must not change what it finds.

    See :func:`~histobridge.evaluation.benchmark` for the fields.
    """

    folder: str | Path | None = None
    workers: int | None = None
    cluster: str | None = None
    energy: Energy = "estimate"
    progress: Progress = True
