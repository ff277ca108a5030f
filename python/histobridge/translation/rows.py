"""Rows of a table: some of them, or all of them in parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import scipy.sparse as sp

Table = TypeVar("Table", np.ndarray, sp.csr_matrix)


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of ``rows``, evenly spaced."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int)]


def taken(table: Table, rows: np.ndarray) -> Table:
    """``table[rows]``, the table itself where those are all of its rows."""
    every = len(rows) == table.shape[0]
    return table if every and _in_line(rows) else table[rows]


def blocks(rows: np.ndarray, size: int = 512) -> Iterator[np.ndarray | slice]:
    """Rows in parts that stay in the cache of the processor; slices where they can."""
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        yield slice(part[0], part[-1] + 1) if _in_line(part) else part


def _in_line(rows: np.ndarray) -> bool:
    return bool((np.diff(rows) == 1).all())
