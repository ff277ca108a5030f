"""Library-size normalisation and gene moments, sparse throughout."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

TARGET_SUM = 1e4


def depth_normalise(
    counts: sp.csr_matrix | np.ndarray, target: float = TARGET_SUM
) -> sp.csr_matrix:
    """Counts per 10,000 (n, genes), or per ``target``; empty rows stay zero."""
    matrix = sp.csr_matrix(counts, dtype=float, copy=True)
    depth = np.asarray(matrix.sum(axis=1)).ravel()
    scale = np.where(depth > 0, target / np.maximum(depth, 1e-12), 0.0)
    matrix.data *= np.repeat(scale, np.diff(matrix.indptr))
    return matrix


def log_normalise(
    counts: sp.csr_matrix | np.ndarray, target: float = TARGET_SUM
) -> sp.csr_matrix:
    """log1p of counts per 10,000 (n, genes), or per ``target``."""
    matrix = depth_normalise(counts, target)
    np.log1p(matrix.data, out=matrix.data)
    return matrix


def median_depth(counts: sp.csr_matrix | np.ndarray) -> float:
    """Median total of the rows that have counts; 1 where none has."""
    depth = np.asarray(counts.sum(axis=1)).ravel()
    return float(np.median(depth[depth > 0])) if (depth > 0).any() else 1.0


def column_moments(matrix: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of every column of a sparse matrix."""
    mean = np.asarray(matrix.mean(axis=0)).ravel()
    square = np.asarray(matrix.multiply(matrix).mean(axis=0)).ravel()
    return mean, np.maximum(square - mean**2, 0.0)


def variable_genes(matrix: sp.csr_matrix, n: int) -> np.ndarray:
    """Positions of the ``n`` columns of largest variance, largest first."""
    _, variance = column_moments(matrix)
    order = np.argsort(-variance, kind="stable")
    return order[: min(n, int((variance > 0).sum()))]


def pearson_columns(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson correlation of matching columns; 0 where a column is constant."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    norm = np.sqrt((x**2).sum(axis=0) * (y**2).sum(axis=0))
    level = 1e-10 * max(len(x), 1)
    safe = np.where(norm > level, norm, 1.0)
    return np.where(norm > level, (x * y).sum(axis=0) / safe, 0.0)
