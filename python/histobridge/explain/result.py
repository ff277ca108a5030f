"""What an explanation holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Explanation:
    """Maps of every method with the tests that they passed or failed.

    Attributes
    ----------
    maps
        Method -> (n_spots, side, side); larger is evidence for more of the target.
    patches
        uint8 (n_spots, side, side, 3) the pixels that were explained.
    spots
        One row per explained spot: ``spot``, ``section``, ``prediction``,
        ``baseline`` (of the mean colour).
    tests
        One row per method, test and control: ``effect``, ``p_value``, ``fdr``,
        ``n``. See :func:`histobridge.explain.judge.judge`; ``nuclei`` and
        ``region`` are biology and no part of the verdict.
    verdict
        ``method``, ``passes`` and the ``reason`` why not.
    curves
        Mean target by ``order``, ``curve`` and ``share`` of pixels.
    contributions
        What features add, of models with a linear part; else no rows.
    target, microns, settings
        What is explained, the side of a patch, and how it was made.
    """

    maps: dict[str, np.ndarray]
    patches: np.ndarray
    spots: pd.DataFrame
    tests: pd.DataFrame
    verdict: pd.DataFrame
    curves: pd.DataFrame
    contributions: pd.DataFrame
    target: str
    microns: float
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def passing(self) -> list[str]:
        """Methods whose maps passed."""
        return list(self.verdict.loc[self.verdict["passes"], "method"])

    def __repr__(self) -> str:
        lines = [f"Explanation of {self.target} in {len(self.spots)} spots"]
        for row in self.verdict.itertuples():
            state = "passes" if row.passes else f"FAILS: {row.reason}"
            lines.append(f"  {row.method}: {state}")
        return "\n".join(lines)
