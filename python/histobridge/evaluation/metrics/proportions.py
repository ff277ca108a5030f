"""Estimated against true cell-type proportions, by spot and by type.

Arguments are (n_spots, n_types); a type is present where its truth is above zero.
"""

from __future__ import annotations

import numpy as np

from histobridge.normalisation import pearson_columns


def spot_rmse(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Root mean squared error over types, (n_spots,)."""
    return np.sqrt(((estimate - truth) ** 2).mean(axis=1))


def jensen_shannon(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence in bits between rows, (n_spots,)."""
    middle = (estimate + truth) / 2

    def relative(p: np.ndarray) -> np.ndarray:
        ratio = np.where(p > 0, p / np.maximum(middle, 1e-300), 1.0)
        return (p * np.log2(ratio)).sum(axis=1)

    return (relative(estimate) + relative(truth)) / 2


def area_under_precision_recall(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Average precision of "this type is in this spot" over all spots and types."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score((truth > 0).ravel(), estimate.ravel()))


def area_under_roc(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Chance that a type present gets a larger share than one absent.

    Over all spots and types, ties counting half; NaN where all or none are present.
    """
    from scipy.stats import rankdata

    present = (truth > 0).ravel()
    n, rest = int(present.sum()), int((~present).sum())
    if not n or not rest:
        return float("nan")
    ranks = rankdata(estimate.ravel())[present].sum()
    return float((ranks - n * (n + 1) / 2) / (n * rest))


def spot_pearson(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pearson over types, (n_spots,); 0 for an even spot."""
    return pearson_columns(estimate.T, truth.T)


def type_rmse(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Root mean squared error over spots, (n_types,)."""
    return np.sqrt(((estimate - truth) ** 2).mean(axis=0))


def type_pearson(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pearson over spots, (n_types,); 0 for a constant type."""
    return pearson_columns(estimate, truth)


def type_jensen_shannon(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Jensen-Shannon *distance* (root of bits) of each type over spots, (n_types,).

    A type is a distribution over spots, scaled to sum to one; 1 where only one side
    holds the type, 0 where neither does.
    """

    def shares(values: np.ndarray) -> np.ndarray:
        total = values.sum(axis=0)
        return (values / np.where(total > 0, total, 1.0)).T

    here, there = estimate.sum(axis=0) > 0, truth.sum(axis=0) > 0
    distance = np.sqrt(np.maximum(jensen_shannon(shares(estimate), shares(truth)), 0))
    return np.where(here & there, distance, (here != there).astype(float))


def type_auprc(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Average precision of presence per type, (n_types,); NaN for an absent type."""
    from sklearn.metrics import average_precision_score

    return np.array(
        [
            average_precision_score(t > 0, e) if (t > 0).any() else np.nan
            for e, t in zip(estimate.T, truth.T, strict=True)
        ]
    )


def presence_f1(
    estimate: np.ndarray, truth: np.ndarray, level: float = 0.05, by: str = "all"
) -> np.ndarray:
    """F1 of "more than ``level`` estimated" for presence; 0 without true positives.

    Parameters
    ----------
    by
        ``all`` pairs at once (a scalar array), per ``spot`` or per ``type``.
    """
    axis = {"all": None, "spot": 1, "type": 0}[by]
    said, present = estimate > level, truth > 0
    hits = (said & present).sum(axis=axis)
    both = said.sum(axis=axis) + present.sum(axis=axis)
    return np.where(both > 0, 2 * hits / np.maximum(both, 1), 0.0)


def tuned_level(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Level of presence with the largest F1 over all spots and types.

    Give it training spots (simulated ones of the same reference, say) and hand the
    level to :func:`presence_f1` for others; tuned on the spots that are scored it
    measures nothing.
    """
    order = np.argsort(-estimate.ravel(), kind="stable")
    values, present = estimate.ravel()[order], (truth.ravel() > 0)[order]
    hits, said = np.cumsum(present), np.arange(1, len(values) + 1)
    score = 2 * hits / (said + present.sum())
    # A cut must lie between two different values.
    score[:-1][values[:-1] == values[1:]] = -1
    best = int(score.argmax())
    below = values[best + 1] if best + 1 < len(values) else values[best] - 1e-6
    return float((values[best] + below) / 2)
