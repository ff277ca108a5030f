"""What a column of scores means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

INF = np.inf


@dataclass(frozen=True)
class Metric:
    """What a column of scores means.

    ``low`` and ``high`` bound its values; ``better`` is ``more``, ``less`` or
    ``neither`` (a description, not a score).
    """

    name: str
    task: str
    definition: str
    low: float
    high: float
    better: str
    function: Callable[..., Any]
