"""Many tests at once: false discovery rates."""

from __future__ import annotations

import numpy as np


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Adjusted p-values (Benjamini and Hochberg 1995, JRSS B 57:289)."""
    order = np.argsort(-p)
    scaled = p[order] * len(p) / np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return adjusted


def fraction_significant(p: np.ndarray, rate: float = 0.05) -> float:
    """Share of genes significant at a false discovery rate."""
    return float((benjamini_hochberg(p) <= rate).mean())
