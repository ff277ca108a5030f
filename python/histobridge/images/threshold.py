"""Where values fall into two classes (Otsu 1979, IEEE Trans Syst Man Cybern 9:62)."""

from __future__ import annotations

import numpy as np


def otsu(values: np.ndarray, bins: int = 256) -> float:
    """Threshold between the two classes of ``values`` (n,) that differ most."""
    if not values.size:
        return 0.0
    count, edges = np.histogram(values, bins)
    middle = (edges[1:] + edges[:-1]) / 2
    low = np.cumsum(count)
    high = low[-1] - low
    sums = np.cumsum(count * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = low * high * (sums / low - (sums[-1] - sums) / high) ** 2
    return float(middle[np.nan_to_num(apart).argmax()])
