"""What smoothing does to differences between groups: those there are, and are not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from histobridge.integration.embedding import component_scores
from histobridge.normalisation import column_moments, log_normalise, variable_genes
from histobridge.statistics import split_counts

Smooth = Callable[[sp.csr_matrix], sp.csr_matrix]
"""Counts (n, genes) to log-normalised values after smoothing."""

FACTS = tuple(
    f"{what}_{when}"
    for what in ("fold_change", "false_positives")
    for when in ("before", "after")
)
LEVEL = 0.05
LEAST_SPOTS = 10


def preservation(
    counts: sp.csr_matrix,
    smooth: Smooth,
    sections: np.ndarray,
    inside: np.ndarray | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Fold changes kept, and false positives made, by ``smooth``.

    Molecules are halved. ``fold_change_before`` and ``fold_change_after`` correlate,
    over genes, the difference of the groups in the raw and in the smoothed first half
    with that in the raw second half. ``false_positives_before`` and ``_after`` are the
    shares of genes with p <= .05 (Welch's t) between the same groups once the spots
    have changed places within their section: no gene follows place any more, so that
    .05 is expected, and what exceeds it smoothing has made. All are NaN where there
    are no two spots.

    Parameters
    ----------
    inside
        (n,) whether a spot is in the first group; else two clusters (k-means) of the
        first half.
    """
    if counts.shape[0] < 2:
        return dict.fromkeys(FACTS, float("nan"))
    rng = np.random.default_rng(seed)
    first, second = split_counts(counts, rng)
    if inside is None:
        inside = _two_clusters(first, seed)
    held = _difference(log_normalise(second), inside)
    raw, smoothed = (
        np.corrcoef(_difference(values, inside), held)[0, 1]
        for values in (log_normalise(first), smooth(first))
    )
    order = np.arange(len(inside))
    parts = [np.flatnonzero(sections == section) for section in np.unique(sections)]
    for spots in parts:
        order[spots] = rng.permutation(spots)
    moved = counts[order]
    found = (
        float(raw),
        float(smoothed),
        _significant(log_normalise(moved), inside, parts),
        _significant(smooth(moved), inside, parts),
    )
    return dict(zip(FACTS, found, strict=True))


def _two_clusters(counts: sp.csr_matrix, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    values = log_normalise(counts)
    scores = component_scores(values[:, variable_genes(values, 1000)], 10, seed=seed)
    return KMeans(2, n_init=4, random_state=seed).fit_predict(scores) == 1


def _difference(values: sp.csr_matrix, inside: np.ndarray) -> np.ndarray:
    means = [
        np.asarray(values[rows].mean(axis=0)).ravel() for rows in (inside, ~inside)
    ]
    return means[0] - means[1]


def _significant(
    values: sp.csr_matrix, inside: np.ndarray, parts: list[np.ndarray]
) -> float:
    """Share of genes with p <= .05, mean over the sections that have both groups.

    Sections are tested one by one: between them batches differ.
    """
    shares = []
    for spots in parts:
        groups = [spots[inside[spots]], spots[~inside[spots]]]
        if min(map(len, groups)) >= LEAST_SPOTS:
            shares.append(_share_significant(*(values[rows] for rows in groups)))
    return float(np.mean(shares)) if shares else float("nan")


def _share_significant(first: sp.csr_matrix, second: sp.csr_matrix) -> float:
    """Share of the genes that vary with p <= .05 by Welch's t."""
    from scipy.stats import ttest_ind_from_stats

    (mean, variance), (other_mean, other) = (
        column_moments(first),
        column_moments(second),
    )
    n, m = first.shape[0], second.shape[0]
    varies = (variance > 0) & (other > 0)
    p = ttest_ind_from_stats(
        mean[varies],
        np.sqrt(variance[varies] * n / (n - 1)),
        n,
        other_mean[varies],
        np.sqrt(other[varies] * m / (m - 1)),
        m,
        equal_var=False,
    ).pvalue
    return float((p <= LEVEL).mean())
