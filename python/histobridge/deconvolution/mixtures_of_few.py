"""Spots of one, two or few types: RCTD's doublet and multi modes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from histobridge.deconvolution.heavy_tail import HeavyTail
from histobridge.deconvolution.robust_newton import robust_weights

CLASSES = ("reject", "singlet", "doublet_certain", "doublet_uncertain")
CANDIDATE = 0.01


class FewTypes:
    """Scores of sets of types, each set solved once for all spots that ask.

    Parameters
    ----------
    counts, profiles, depth, likelihood
        As in :func:`robust_weights`.
    """

    def __init__(
        self,
        counts: np.ndarray,
        profiles: np.ndarray,
        depth: np.ndarray,
        likelihood: HeavyTail,
    ):
        self.counts, self.profiles = counts, profiles
        self.depth, self.likelihood = depth, likelihood

    def solve(
        self, spots: np.ndarray, types: tuple[int, ...], steps: int = 25
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weights (n, len(types)) and loss (n,) of some spots."""
        weights, score, _ = robust_weights(
            self.counts[spots],
            self.profiles[:, list(types)],
            self.depth[spots],
            self.likelihood,
            steps=steps,
        )
        return weights, score

    def scores(self, wanted: np.ndarray, sets: Sequence[tuple[int, ...]]) -> np.ndarray:
        """Loss (n, n_sets); infinite where a set holds a type that is not wanted."""
        out = np.full((len(wanted), len(sets)), np.inf)
        for i, types in enumerate(sets):
            spots = np.flatnonzero(wanted[:, list(types)].all(axis=1))
            if spots.size:
                out[spots, i] = self.solve(spots, types)[1]
        return out


def candidates(weights: np.ndarray) -> np.ndarray:
    """Mask (n, k) of the types of a noticeable weight, two at least."""
    mask = weights > CANDIDATE
    few = np.flatnonzero(mask.sum(axis=1) < 2)
    top = np.argsort(-weights[few], axis=1, kind="stable")[:, :2]
    mask[few[:, None], top] = True
    return mask


def doublets(
    few: FewTypes, weights: np.ndarray, confidence: float, threshold: float
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Classify every spot as one or two types.

    The best pair wins. Its first type is certain when every pair that scores within
    ``confidence`` of the best holds it; a spot is a singlet when one type alone is
    less than ``threshold`` worse than the pair.

    Returns
    -------
    Weights (n, k) of the types kept, and by name (n,): ``spot_class``,
    ``first_type``, ``second_type`` (positions), ``min_score``, ``singlet_score``.
    """
    n, k = weights.shape
    mask = candidates(weights)
    pairs = list(combinations(range(k), 2))
    score = few.scores(mask, pairs)
    alone = few.scores(mask, [(t,) for t in range(k)])
    best = score.argmin(axis=1)
    lowest = score[np.arange(n), best]
    ends = np.array(pairs)[best]
    near = score < lowest[:, None] + confidence
    holds = np.array([[t in pair for pair in pairs] for t in range(k)])
    sure = np.stack(
        [(~near | holds[ends[:, side]]).all(axis=1) for side in (0, 1)], axis=1
    )
    single = np.take_along_axis(alone, ends, axis=1)
    # Of two certain types the better singlet comes first; else the certain one.
    swap = np.where(
        sure.all(axis=1), single[:, 1] < single[:, 0], ~sure[:, 0] & sure[:, 1]
    )
    first = np.where(swap, ends[:, 1], ends[:, 0])
    second = np.where(swap, ends[:, 0], ends[:, 1])
    lone = np.where(
        sure.any(axis=1), alone[np.arange(n), first], lowest + 2 * threshold
    )
    label = np.where(
        sure.all(axis=1),
        "doublet_certain",
        np.where(sure.any(axis=1), "doublet_uncertain", "reject"),
    )
    label = np.where(lone - lowest < threshold, "singlet", label)
    kept = _pair_weights(few, first, second, label == "singlet", k)
    return kept, {
        "spot_class": label,
        "first_type": first,
        "second_type": second,
        "min_score": lowest,
        "singlet_score": lone,
    }


def _pair_weights(
    few: FewTypes, first: np.ndarray, second: np.ndarray, single: np.ndarray, k: int
) -> np.ndarray:
    out = np.zeros((len(first), k))
    out[np.flatnonzero(single), first[single]] = 1.0
    both = np.flatnonzero(~single)
    for pair in np.unique(np.stack([first, second], 1)[both], axis=0):
        spots = both[(first[both] == pair[0]) & (second[both] == pair[1])]
        found, _ = few.solve(spots, tuple(pair), steps=50)
        out[np.ix_(spots, pair)] = found
    return out


def greedy(
    few: FewTypes, weights: np.ndarray, most: int, threshold: float
) -> np.ndarray:
    """Add the type that lowers the loss most while it does so by ``threshold``.

    Returns
    -------
    Weights (n, k) of at most ``most`` types per spot.
    """
    n, k = weights.shape
    mask = candidates(weights)
    chosen: list[tuple[int, ...]] = [()] * n
    lowest = np.full(n, np.inf)
    out = np.zeros((n, k))
    open_ = np.arange(n)
    for _ in range(min(most, k)):
        trials: dict[tuple[int, ...], list[int]] = {}
        for spot in open_:
            for t in np.flatnonzero(mask[spot]):
                if t not in chosen[spot]:
                    key = tuple(sorted((*chosen[spot], int(t))))
                    trials.setdefault(key, []).append(int(spot))
        better = np.full(n, np.inf)
        proposal = list(chosen)
        proposed = np.zeros((n, k))
        for types, spots in trials.items():
            rows = np.array(spots)
            found, score = few.solve(rows, types)
            wins = score < better[rows]
            for row, w in zip(rows[wins], found[wins], strict=True):
                proposal[row] = types
                proposed[row] = 0.0
                proposed[row, list(types)] = w
            better[rows] = np.minimum(better[rows], score)
        open_ = open_[
            better[open_] < lowest[open_] - threshold * np.isfinite(lowest[open_])
        ]
        if not open_.size:
            break
        for spot in open_:
            chosen[spot] = proposal[spot]
        lowest[open_], out[open_] = better[open_], proposed[open_]
    return out
