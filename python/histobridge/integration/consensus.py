"""One partition from many, in memory linear in the number of spots."""

from __future__ import annotations

import numpy as np


def consensus(memberships: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Soft vote of several soft partitions into the same number of groups.

    Groups of every member are matched to those of the member that agrees best with
    all others (Hungarian algorithm), memberships are averaged and the largest wins
    (Dimitriadou, Weingessel & Hornik 2002, IJPRAI 16:901).

    Parameters
    ----------
    memberships
        Arrays (n, k) of probabilities, one per member.

    Returns
    -------
    Labels (n,), and the mean adjusted Rand index over pairs of members.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.metrics import adjusted_rand_score

    labels = [m.argmax(axis=1) for m in memberships]
    n = len(labels)
    alike = np.ones((n, n))
    for i in range(n):
        for j in range(i):
            alike[i, j] = alike[j, i] = adjusted_rand_score(labels[i], labels[j])
    middle = int(alike.sum(axis=0).argmax())
    votes = np.zeros_like(memberships[middle])
    for member in memberships:
        overlap = member.T @ memberships[middle]
        own, theirs = linear_sum_assignment(-overlap)
        votes[:, theirs] += member[:, own]
    pairs = alike[np.triu_indices(n, 1)]
    chosen = votes.argmax(axis=1)
    if len(np.unique(chosen)) < len(np.unique(labels[middle])):
        # A small group can lose every vote; the middle member still has it.
        chosen = labels[middle]
    return chosen, float(pairs.mean()) if pairs.size else 1.0
