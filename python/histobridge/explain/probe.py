"""A model seen as a function of the patches of some spots."""

from __future__ import annotations

from functools import cached_property
from typing import Self

import numpy as np

from histobridge.explain.fills import blank
from histobridge.explain.segments import segments
from histobridge.explain.target import Target


class Probe:
    """What the target is when a spot's own patch is another.

    Everything else that the model sees, the patches of other spots above all, stays
    as it is.

    Attributes
    ----------
    patches
        uint8 (n, side, side, 3) of the spots that are explained.
    microns
        Side of a patch.
    target
        What is predicted.
    offers
        What methods may build on, among ``image``, ``gradients``,
        ``convolutions``, ``attention``, ``linear`` and ``captum`` (installed).
    units, count
        See :func:`histobridge.explain.segments.segments`.
    """

    patches: np.ndarray
    microns: float
    target: Target
    offers: frozenset[str]
    units: str = "superpixels"
    count: int = 36

    def score(self, rows: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """Target (m,) of spots ``rows`` (m,) if their patches were ``pixels``.

        Parameters
        ----------
        rows
            Positions among the explained spots, in any number and order.
        pixels
            uint8 (m, side, side, 3).
        """
        raise NotImplementedError

    def like(self, other: Self) -> None:
        """Take over what does not depend on the model."""
        self.units, self.count, self.offers = other.units, other.count, other.offers

    @property
    def um_per_px(self) -> float:
        """Microns per pixel of a patch."""
        return self.microns / self.patches.shape[1]

    @cached_property
    def blank(self) -> np.ndarray:
        """Reference patches (n, side, side, 3): the mean colour of all."""
        return blank(self.patches)

    @cached_property
    def segments(self) -> np.ndarray:
        """Pieces that are removed as one, int (n, side, side)."""
        parts = [
            segments(p, self.um_per_px, self.units, self.count) for p in self.patches
        ]
        return np.stack(parts)

    @cached_property
    def prediction(self) -> np.ndarray:
        """Target (n,) of the patches as they are."""
        return self.score(np.arange(len(self.patches)), self.patches)

    @cached_property
    def baseline(self) -> np.ndarray:
        """Target (n,) of the reference patches."""
        return self.score(np.arange(len(self.patches)), self.blank)

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the prediction over the spots; 1 if it has none."""
        return float(self.prediction.std()) or 1.0
