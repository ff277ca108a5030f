"""Rows of a table: some of them, or all of them in parts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of ``rows``, evenly spaced."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int)]


def blocks(rows: np.ndarray, size: int = 512) -> Iterator[np.ndarray | slice]:
    """Rows in parts that stay in the cache of the processor; slices where they can."""
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        whole = part[-1] - part[0] + 1 == len(part)
        yield slice(part[0], part[-1] + 1) if whole else part
