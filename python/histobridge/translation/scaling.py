"""The scale a network is trained on, fitted on training spots and undone after."""

from __future__ import annotations

import numpy as np

KINDS = ("none", "centre", "standard", "range")


class Scaling:
    """Per gene: nothing, minus the mean, z-scores, or minimum to maximum as 0 to 1."""

    def __init__(self, kind: str = "centre"):
        if kind not in KINDS:
            raise ValueError(f"expected one of {KINDS}; found {kind!r}")
        self.kind = kind

    def fit(self, target: np.ndarray) -> Scaling:
        """Learn from the target (n, genes) of training spots."""
        genes = target.shape[1]
        self.shift_, self.unit_ = np.zeros(genes), np.ones(genes)
        if self.kind in ("centre", "standard"):
            self.shift_ = target.mean(axis=0)
        if self.kind == "standard":
            self.unit_ = _positive(target.std(axis=0))
        if self.kind == "range":
            self.shift_ = target.min(axis=0)
            self.unit_ = _positive(target.max(axis=0) - self.shift_)
        return self

    def forward(self, target: np.ndarray) -> np.ndarray:
        """Target (n, genes) as the network sees it."""
        return (target - self.shift_) / self.unit_

    def back(self, values: np.ndarray) -> np.ndarray:
        """What the network says (n, genes), as log1p of counts per 10,000."""
        return values * self.unit_ + self.shift_


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 1e-8, values, 1.0)
