"""Moran's I of all genes at once, sparse, with exact moments and permutations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

GENES_AT_ONCE = 64
"""Columns made dense together: their values should fit the processor's cache."""


def morans_i(values: sp.csr_matrix | np.ndarray, weights: sp.csr_matrix) -> np.ndarray:
    """Moran's I of all columns at once, (genes,); 0 for a constant column.

    ``n / sum(W) * z'Wz / z'z`` with z about the mean; few columns are made dense at
    a time.

    Parameters
    ----------
    values
        (n, genes).
    weights
        (n, n), e.g. ``row_standardised(graphs.knn_graph(points, sections, 6))``.
    """
    n, half = values.shape[0], _half(weights)
    edges = half.tocsr()
    found = np.zeros(values.shape[1])
    for columns, part in _parts(values):
        mean = part.mean(axis=0)
        z = part - mean
        square = np.einsum("ng,ng->g", z, z)
        constant = square <= 1e-12 * n * np.maximum(mean**2, 1e-300)
        cross = np.einsum("ng,ng->g", z, edges @ z)
        safe = np.where(constant, 1.0, square)
        found[columns] = np.where(constant, 0.0, n / weights.sum() * cross / safe)
    return found


def _half(weights: sp.csr_matrix) -> sp.coo_matrix:
    """Half of the edges: only the symmetric part of W matters to z'Wz."""
    half = sp.triu(weights + weights.T, format="coo")
    half.data[half.row == half.col] /= 2
    return half


def _parts(values: sp.csr_matrix | np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Few columns at a time, dense and in double precision."""
    columns: Any = sp.csc_matrix(values) if sp.issparse(values) else values
    for start in range(0, values.shape[1], GENES_AT_ONCE):
        chosen = slice(start, start + GENES_AT_ONCE)
        part = columns[:, chosen]
        # Single precision would cancel where a gene varies little about its mean.
        dense = part.toarray(order="C") if sp.issparse(part) else np.asarray(part)
        yield chosen, dense.astype(float)


def morans_moments(
    values: np.ndarray, weights: sp.csr_matrix
) -> tuple[float, np.ndarray]:
    """Mean and variance of Moran's I over all permutations, (1,) and (genes,).

    Closed form under randomisation (Cliff and Ord 1981, Spatial Processes, eq 1.44),
    in place of drawing permutations.
    """
    n = len(values)
    z = values - values.mean(axis=0)
    square = (z**2).mean(axis=0)
    kurtosis = (z**4).mean(axis=0) / np.where(square > 0, square, 1.0) ** 2
    s0 = weights.sum()
    both = weights + weights.T
    s1 = both.multiply(both).sum() / 2
    ends = np.asarray(weights.sum(axis=0)).ravel() + np.asarray(weights.sum(1)).ravel()
    s2 = (ends**2).sum()
    first = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
    second = kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    moment = (first - second) / ((n - 1) * (n - 2) * (n - 3) * s0**2)
    return -1 / (n - 1), moment - 1 / (n - 1) ** 2


def morans_p(
    values: sp.csr_matrix | np.ndarray,
    weights: sp.csr_matrix,
    draws: int = 999,
    seed: int = 0,
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """One-sided permutation p (genes,) of Moran's I, all genes at once.

    Every draw moves the spots of all genes alike; only the edges are renumbered, so
    values stay where they are. 1 for a constant column.

    Parameters
    ----------
    values
        (n, genes).
    weights
        (n, n) as in :func:`morans_i`.
    draws
        p is a multiple of 1 / (draws + 1).
    groups
        (n,) sections; spots only change places within theirs.
    """
    rng = np.random.default_rng(seed)
    groups = np.zeros(values.shape[0]) if groups is None else np.asarray(groups)
    orders = [_shuffled(groups, rng) for _ in range(draws)]
    half = _half(weights)
    p = np.empty(values.shape[1])
    for columns, part in _parts(values):
        p[columns] = _exceeded(part, half, orders)
    return (1 + p) / (1 + draws)


def _shuffled(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    order = np.arange(len(groups))
    for group in np.unique(groups):
        mine = np.flatnonzero(groups == group)
        order[mine] = rng.permutation(mine)
    return order


def _exceeded(
    values: np.ndarray, half: sp.coo_matrix, orders: list[np.ndarray]
) -> np.ndarray:
    """In how many draws ``z'Wz`` is at least what was seen, (genes,)."""
    z = values - values.mean(axis=0)

    def product(row: np.ndarray, column: np.ndarray) -> np.ndarray:
        edges = sp.csr_matrix((half.data, (row, column)), shape=half.shape)
        return np.einsum("ng,ng->g", z, edges @ z)

    # Draws that only swap equal values tie with what was seen, but for rounding.
    level = product(half.row, half.col) - 1e-9 * (z**2).sum(axis=0)
    return sum(product(o[half.row], o[half.col]) >= level for o in orders)
