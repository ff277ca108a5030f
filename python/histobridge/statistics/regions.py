"""Differences of all genes between a region and the rest, without a spatial null.

What is usually reported for domain genes; it stands beside the shifted null of
:mod:`histobridge.statistics.nulls` for comparison.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge.normalisation import depth_normalise

GENES_AT_ONCE = 64


def log_fold_change(counts: sp.csr_matrix, inside: np.ndarray) -> np.ndarray:
    """Log2 fold change (genes, regions) of mean counts per 10,000, plus one.

    Parameters
    ----------
    counts
        (n, genes).
    inside
        (n, regions) of which every column is compared with its complement.
    """
    rates = depth_normalise(counts)
    size = inside.sum(axis=0)
    within = rates.T @ inside.astype(float)
    total = np.asarray(rates.sum(axis=0)).reshape(-1, 1)
    outside = (total - within) / np.maximum(len(inside) - size, 1)
    # A difference of sums may fall below zero by rounding.
    outside = np.maximum(outside, 0)
    return np.log2((within / np.maximum(size, 1) + 1) / (outside + 1))


def wilcoxon_p(values: sp.csr_matrix, inside: np.ndarray) -> np.ndarray:
    """Two-sided p (genes, regions) of the rank sum, normal, corrected for ties.

    It takes spots for independent, which neighbours are not.
    """
    from scipy import stats

    n, columns = len(inside), sp.csc_matrix(values)
    size = inside.sum(axis=0)
    p = np.empty((values.shape[1], inside.shape[1]))
    for start in range(0, values.shape[1], GENES_AT_ONCE):
        chosen = slice(start, start + GENES_AT_ONCE)
        ranks = stats.rankdata(columns[:, chosen].toarray(), axis=0) - (n + 1) / 2
        variance = ranks.var(axis=0, ddof=1)[:, None] * size * (n - size) / n
        safe = np.where(variance > 0, variance, 1.0)
        z = ranks.T @ inside / np.sqrt(safe)
        p[chosen] = np.where(variance > 0, 2 * stats.norm.sf(np.abs(z)), 1.0)
    return p


def pseudobulk_difference(
    counts: sp.csr_matrix, inside: np.ndarray, patients: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Log2 fold change and paired t-test p between patients, (genes,) each.

    Counts are summed per patient and side, as log2 counts per million. None with
    fewer than two patients that have spots on both sides; spots of unknown patients
    belong to none.
    """
    from scipy import stats

    both = [
        patient
        for patient in pd.unique(pd.Series(patients).dropna())
        if np.ptp(inside[patients == patient].astype(int)) > 0
    ]
    if len(both) < 2:
        return None
    change = np.stack(
        [
            _log_cpm(counts, inside & (patients == patient))
            - _log_cpm(counts, ~inside & (patients == patient))
            for patient in both
        ]
    )
    mean = change.mean(axis=0)
    error = change.std(axis=0, ddof=1) / np.sqrt(len(both))
    t = mean / np.where(error > 0, error, 1.0)
    p = np.where(error > 0, 2 * stats.t.sf(np.abs(t), len(both) - 1), 1.0)
    return mean, p


def _log_cpm(counts: sp.csr_matrix, spots: np.ndarray) -> np.ndarray:
    total = np.asarray(counts[np.flatnonzero(spots)].sum(axis=0)).ravel()
    return np.log2((total + 0.5) / (total.sum() + 1) * 1e6)
