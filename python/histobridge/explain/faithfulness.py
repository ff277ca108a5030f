"""Is a map right about the model? Deletion, insertion and ROAD of every order.

Pixels are ranked by the mean of the map over their segment, so that every order
removes pieces of the same shape and none wins by scattering holes. All areas are
signed: what raises the target must come first.
"""

from __future__ import annotations

import numpy as np

from histobridge.explain.fills import road
from histobridge.explain.probe import Probe

METRICS = ("deletion", "insertion", "road")


def orders(maps: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Rank (n, side * side) of every pixel, 0 for the most salient.

    Segments tie at random, and so do all of a constant map.
    """
    ranks = np.empty((len(maps), labels[0].size), dtype=int)
    for row, (values, parts) in enumerate(zip(maps, labels, strict=True)):
        flat = parts.ravel()
        mean = np.bincount(flat, values.ravel()) / np.bincount(flat)
        # What differs by rounding only is a tie.
        level = np.round(mean / max(np.abs(mean).max(), 1e-300), 9)
        coin = np.random.default_rng([seed, row]).permutation(len(mean))
        place = np.empty(len(mean), dtype=int)
        place[np.lexsort((coin, -level))] = np.arange(len(mean))
        ranks[row, np.argsort(place[flat], kind="stable")] = np.arange(len(flat))
    return ranks


def curves(probe: Probe, ranks: np.ndarray, steps: int, seed: int = 0) -> np.ndarray:
    """Target along the four ways of removing pixels.

    Parameters
    ----------
    ranks
        Of :func:`orders`.
    steps
        Equal steps from nothing to everything.

    Returns
    -------
    (4, n, steps - 1): the top removed, all but the top removed (both to the mean
    colour), the top imputed, the bottom imputed (ROAD), at ``1 / steps``, ...
    """
    n, side = probe.patches.shape[:2]
    shares = np.arange(1, steps) / steps
    out = np.empty((4, n, len(shares)))
    for row in range(n):
        rank = ranks[row].reshape(side, side)
        top = rank < np.round(shares * rank.size)[:, None, None]
        bottom = rank >= np.round((1 - shares) * rank.size)[:, None, None]
        patch, blank = probe.patches[row], probe.blank[row]
        erased = [np.where(m[..., None], blank, patch) for m in (top, ~top)]
        imputed = [[road(patch, one, seed) for one in m] for m in (top, bottom)]
        pixels = np.concatenate([*erased, *imputed])
        found = probe.score(np.full(len(pixels), row), pixels)
        out[:, row] = found.reshape(4, -1)
    return out


def areas(probe: Probe, found: np.ndarray) -> dict[str, np.ndarray]:
    """Merit (n,) of an order by every metric, in SD of the prediction; more is better.

    ``deletion`` and ``insertion``: area under what is lost, and what is regained,
    with the ends. ``road``: mean of least minus most relevant removed first.
    """
    full, empty = probe.prediction[:, None], probe.baseline[:, None]
    removed = np.concatenate([full, found[0], empty], axis=1)
    regained = np.concatenate([empty, found[1], full], axis=1)
    size = removed.shape[1] - 1

    def area(values: np.ndarray) -> np.ndarray:
        return (values[:, 1:] + values[:, :-1]).sum(axis=1) / (2 * size)

    merit = (-area(removed), area(regained), (found[3] - found[2]).mean(axis=1))
    return {m: v / probe.spread for m, v in zip(METRICS, merit, strict=True)}
