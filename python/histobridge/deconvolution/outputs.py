"""What a fit becomes: shares, intervals and facts per spot, complete by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp

TINY = 1e-12


def shares(amounts: np.ndarray, sizes: np.ndarray | None = None) -> np.ndarray:
    """Rows (n, k) that sum to 1; equal shares where a row is all zero.

    Parameters
    ----------
    sizes
        Counts of a cell of each type: amounts of RNA become shares of cells.
    """
    values = np.maximum(amounts, 0.0)
    if sizes is not None:
        values = values / np.maximum(sizes, TINY)
    total = values.sum(axis=1, keepdims=True)
    found = total > TINY
    return np.where(found, values / np.where(found, total, 1.0), 1 / values.shape[1])


def poisson_residual(
    counts: sp.csr_matrix, rates: np.ndarray, amounts: np.ndarray
) -> np.ndarray:
    """Poisson deviance per gene (n,) of counts given ``depth * rates @ amounts``.

    About 1 where the mixture explains a spot; large where something that the
    reference lacks is in it.
    """
    out = np.empty(counts.shape[0])
    depth = np.asarray(counts.sum(axis=1)).ravel()
    for first in range(0, len(out), 2048):
        rows = slice(first, first + 2048)
        mean = np.maximum(depth[rows, None] * (amounts[rows] @ rates.T), TINY)
        seen = counts[rows].tocoo()
        of_seen = mean[seen.row, seen.col]
        gain = np.bincount(
            seen.row, seen.data * np.log(seen.data / of_seen), minlength=len(mean)
        )
        out[rows] = 2 * (gain - depth[rows] + mean.sum(axis=1)) / counts.shape[1]
    return out


def complete(
    values: np.ndarray, fitted: np.ndarray, index: pd.Index, types: list[str]
) -> pd.DataFrame:
    """Rows of the fitted spots among all spots; the others are missing."""
    out = np.full((len(fitted), len(types)), np.nan)
    out[fitted] = values
    return pd.DataFrame(out, index=index, columns=types)


def complete_column(values: np.ndarray, fitted: np.ndarray) -> np.ndarray | pd.Series:
    """The same for one value per spot, numbers or text."""
    if np.asarray(values).dtype.kind in "biuf":
        out = np.full(len(fitted), np.nan)
        out[fitted] = values
        return out
    text = np.full(len(fitted), None, dtype=object)
    text[fitted] = values
    return pd.Categorical(text)
