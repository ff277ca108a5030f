"""Embeddings of several sections: are batches mixed, are labels apart.

Batches are compared within one label at a time, and only where it is in two batches
or more: a layer that one donor lacks is no batch effect.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from histobridge import graphs
from histobridge.evaluation.metrics.labels import lisi

LEAST_SPOTS = 10
SILHOUETTE_SPOTS = 8000


def label_silhouette(embedding: np.ndarray, labels: np.ndarray) -> float:
    """Average silhouette width (s + 1) / 2 of ``labels`` in ``embedding`` (n, d)."""
    from sklearn.metrics import silhouette_score

    some = _at_most(len(labels))
    return float((silhouette_score(embedding[some], labels[some]) + 1) / 2)


def batch_silhouette(
    embedding: np.ndarray, batches: np.ndarray, labels: np.ndarray
) -> float:
    """``1 - |s|`` with s the silhouette of batches within a label (Luecken 2022).

    Mean over spots, then over the labels that several batches share; NaN where none
    does.
    """
    from sklearn.metrics import silhouette_samples

    return _mean(
        1 - np.abs(silhouette_samples(embedding[spots], batches[spots])).mean()
        for spots in (s[_at_most(len(s))] for s in _shared(batches, labels))
    )


def ilisi(
    embedding: np.ndarray,
    batches: np.ndarray,
    labels: np.ndarray,
    perplexity: float = 30.0,
) -> float:
    """Median batch LISI, 0 (apart) to 1 (mixed), mean over the shared labels."""
    return _mean(
        (np.median(lisi(batches[spots], embedding[spots], perplexity)) - 1)
        / (len(np.unique(batches[spots])) - 1)
        for spots in _shared(batches, labels)
    )


def clisi(embedding: np.ndarray, labels: np.ndarray, perplexity: float = 30.0) -> float:
    """Median label LISI, 0 (mixed) to 1 (apart)."""
    n = len(np.unique(labels))
    return float((n - np.median(lisi(labels, embedding, perplexity))) / (n - 1))


def kbet(embedding: np.ndarray, batches: np.ndarray, labels: np.ndarray) -> float:
    """Share of spots whose neighbourhood holds batches as its label does.

    Pearson's chi-square of the batches among a spot and its nearest others against
    their shares in the label, accepted at p > .05; a quarter of the mean batch size
    are neighbours, 10 to 70 (kBET; Buettner et al. 2019, Nat Methods 16:43). Mean
    over the shared labels; .95 is expected of perfect mixing.
    """
    return _mean(
        float((_mixing_p(embedding[spots], batches[spots]) > 0.05).mean())
        for spots in _shared(batches, labels)
    )


def _at_most(n: int) -> slice:
    # A silhouette needs all pairs; a mean is known from every so many spots.
    return slice(None, None, -(-n // SILHOUETTE_SPOTS))


def _mixing_p(embedding: np.ndarray, batches: np.ndarray) -> np.ndarray:
    from scipy.stats import chi2

    names, code = np.unique(batches, return_inverse=True)
    size = int(np.clip(len(code) / len(names) / 4, 10, 70))
    _, near = graphs.nearest(embedding, size - 1)
    around = np.column_stack([np.arange(len(code)), near])
    seen = np.stack([(code[around] == i).sum(axis=1) for i in range(len(names))], 1)
    expected = around.shape[1] * np.bincount(code) / len(code)
    return chi2.sf(((seen - expected) ** 2 / expected).sum(axis=1), len(names) - 1)


def _shared(batches: np.ndarray, labels: np.ndarray) -> Iterator[np.ndarray]:
    """Spots of every label, from the batches that have at least 10 of it."""
    for label in pd.unique(labels):
        mine = np.flatnonzero(labels == label)
        names, sizes = np.unique(batches[mine], return_counts=True)
        large = names[sizes >= LEAST_SPOTS]
        if len(large) > 1:
            yield mine[np.isin(batches[mine], large)]


def _mean(values: Iterator[float]) -> float:
    found = list(values)
    return float(np.mean(found)) if found else float("nan")
