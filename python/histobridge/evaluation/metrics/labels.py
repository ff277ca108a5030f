"""Domains: agreement with labels, and how compact they lie.

CHAOS, PAS and LISI know no truth and all reward smoothness: never select by them.
"""

from __future__ import annotations

import numpy as np

from histobridge import graphs


def adjusted_rand(truth: np.ndarray, labels: np.ndarray) -> float:
    """Pairs of spots that agree, adjusted for chance (Hubert and Arabie 1985)."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(truth, labels))


def normalised_mutual_information(truth: np.ndarray, labels: np.ndarray) -> float:
    """Mutual information over the arithmetic mean of the two entropies."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(truth, labels))


def v_measure(truth: np.ndarray, labels: np.ndarray) -> float:
    """Harmonic mean of homogeneity and completeness (Rosenberg, Hirschberg 2007)."""
    from sklearn.metrics import v_measure_score

    return float(v_measure_score(truth, labels))


def chaos(labels: np.ndarray, points: np.ndarray) -> float:
    """Mean distance to the nearest spot of the same domain; less is more compact.

    Coordinates (n, 2) of one section are standardised axis by axis; domains of one
    or two spots add nothing (Shang, Zhou 2022, Nat Commun 13:7203).
    """
    spread = points.std(axis=0)
    # Spots in one row do not vary along the other axis.
    scaled = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    total = 0.0
    for label in np.unique(labels):
        mine = scaled[labels == label]
        if len(mine) > 2:
            total += graphs.nearest(mine, 1)[0].sum()
    return total / len(labels)


def pas(labels: np.ndarray, points: np.ndarray, k: int = 10) -> float:
    """Share of spots of another domain than more than half of ``k`` neighbours."""
    labels = np.asarray(labels)
    _, near = graphs.nearest(points, k)
    other = (labels[near] != labels[:, None]).sum(axis=1)
    return float((other > k / 2).mean())


def lisi(
    labels: np.ndarray, points: np.ndarray, perplexity: float = 30.0
) -> np.ndarray:
    """Effective number of labels around every spot, (n,).

    Inverse Simpson index of the labels of 3 x ``perplexity`` neighbours, weighted by
    a Gaussian of that perplexity (Korsunsky et al. 2019, Nat Methods 16:1289). 1:
    one label; over batches more is better mixed, over domains less is purer.
    """
    _, code = np.unique(labels, return_inverse=True)
    distance, near = graphs.nearest(points, int(3 * perplexity))
    weights = gaussian_weights(distance, min(perplexity, distance.shape[1] / 3))
    share = np.zeros((len(code), code.max() + 1))
    rows = np.repeat(np.arange(len(code)), near.shape[1])
    np.add.at(share, (rows, code[near].ravel()), weights.ravel())
    return 1 / (share**2).sum(axis=1)


def gaussian_weights(distance: np.ndarray, perplexity: float) -> np.ndarray:
    """Weights (n, k) summing to one whose entropy is log ``perplexity`` per row.

    ``exp(-beta * distance)`` with beta found by bisection, as in LISI and t-SNE; a
    perplexity that ties make impossible gives the nearest there is.
    """
    scale = np.maximum(distance.mean(axis=1, keepdims=True), 1e-300)
    shifted = (distance - distance.min(axis=1, keepdims=True)) / scale
    low = np.zeros((len(distance), 1))
    high = np.full((len(distance), 1), 1e6)
    for _ in range(100):
        # Beta spans orders of magnitude: halve its logarithm once it is above 1.
        middle = np.where(low > 1, np.sqrt(np.maximum(low, 1) * high), (low + high) / 2)
        weights = np.exp(-middle * shifted)
        weights /= weights.sum(axis=1, keepdims=True)
        logs = np.log(np.maximum(weights, 1e-300))
        spread = -(weights * logs).sum(axis=1, keepdims=True)
        wide = spread > np.log(perplexity)
        low, high = np.where(wide, middle, low), np.where(wide, high, middle)
    return weights
