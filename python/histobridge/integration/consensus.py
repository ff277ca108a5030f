"""One partition from many."""

from __future__ import annotations

import numpy as np

EXACT_LIMIT = 6000


def consensus(members: np.ndarray, k: int) -> np.ndarray:
    """Partition (n,) into ``k`` groups that agrees with many partitions.

    Average linkage on the share of members that put two spots together (evidence
    accumulation; Fred & Jain 2005, IEEE TPAMI 27:835). Spots that all members treat
    alike are one row, so the table is over distinct label tuples; above 6,000 of
    them the most frequent serve as anchors and the others join the most alike.

    Parameters
    ----------
    members
        (n_members, n) integer labels.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    tuples, inverse, sizes = np.unique(
        members.T, axis=0, return_inverse=True, return_counts=True
    )
    inverse = inverse.ravel()
    if len(tuples) <= k:
        return inverse
    anchors = np.arange(len(tuples))
    if len(tuples) > EXACT_LIMIT:
        anchors = np.sort(np.argsort(-sizes, kind="stable")[:EXACT_LIMIT])
    apart = np.stack([_disagreement(row, tuples[anchors]) for row in tuples[anchors]])
    if len(anchors) == len(tuples):
        # Repeated rows count as often as they occur, as in the table over spots.
        rows = np.repeat(anchors, sizes) if len(inverse) <= EXACT_LIMIT else anchors
        tree = linkage(squareform(apart[np.ix_(rows, rows)], checks=False), "average")
        groups = np.empty(len(anchors), dtype=int)
        groups[rows] = fcluster(tree, k, "maxclust")
        return groups[inverse] - 1
    tree = linkage(squareform(apart, checks=False), "average")
    groups = fcluster(tree, k, "maxclust")
    nearest = np.array(
        [groups[_disagreement(row, tuples[anchors]).argmin()] for row in tuples]
    )
    return nearest[inverse] - 1


def _disagreement(row: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return (rows != row).mean(axis=1)


def agreement(members: np.ndarray) -> float:
    """Mean adjusted Rand index over pairs of members."""
    from sklearn.metrics import adjusted_rand_score

    pairs = [
        adjusted_rand_score(members[i], members[j])
        for i in range(len(members))
        for j in range(i)
    ]
    return float(np.mean(pairs)) if pairs else 1.0
