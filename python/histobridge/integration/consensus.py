"""One partition from many, in memory linear in the number of spots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

SAMPLE = 10_000
RING = 5
"""Spots of a ring and its centre on a square lattice: fewer are no domain."""
CUTS = 10
"""Times as many groups as are wanted at which a tree is still cut."""


@dataclass(frozen=True)
class Vote:
    """What several partitions agree on.

    Attributes
    ----------
    labels
        (n,) from 0, named as in the member that agrees best with all others.
    support
        (n,) share of the members that put a spot where the vote does.
    agreement
        Mean adjusted Rand index over pairs of members.
    """

    labels: np.ndarray
    support: np.ndarray
    agreement: float


def consensus(labels: Sequence[np.ndarray]) -> Vote:
    """Vote of several partitions into about as many groups.

    Groups of every member are matched to those of the member that agrees best with
    all others (Hungarian algorithm), and every spot goes where most members put it
    (Dimitriadou, Weingessel & Hornik 2002, IJPRAI 16:901).

    Parameters
    ----------
    labels
        One (n,) array of whole numbers from 0 per member.
    """
    alike = _alike(labels)
    middle = labels[int(alike.sum(axis=0).argmax())]
    groups = max(int(member.max()) for member in labels) + 1
    votes = np.zeros((len(middle), groups))
    for member in labels:
        votes[np.arange(len(middle)), _renamed(member, middle, groups)] += 1
    chosen = votes.argmax(axis=1)
    if len(np.unique(chosen)) < len(np.unique(middle)):
        # A small group can lose every vote; the middle member still has it.
        chosen = middle
    support = votes[np.arange(len(middle)), chosen] / len(labels)
    return Vote(chosen, support, _mean_of_pairs(alike))


def _renamed(labels: np.ndarray, like: np.ndarray, groups: int) -> np.ndarray:
    """Labels under the names of the groups of ``like`` that they share most with."""
    from scipy.optimize import linear_sum_assignment

    overlap = np.zeros((groups, groups))
    np.add.at(overlap, (labels, like), 1)
    return linear_sum_assignment(-overlap)[1][labels]


def agreement(labels: Sequence[np.ndarray]) -> float:
    """Mean adjusted Rand index over pairs of members (n,)."""
    return _mean_of_pairs(_alike(labels))


def _alike(labels: Sequence[np.ndarray]) -> np.ndarray:
    """Adjusted Rand index of every pair of members; of many spots, on a sample."""
    step = max(1, len(labels[0]) // SAMPLE)
    return adjusted_rand_of_pairs(np.stack([member[::step] for member in labels]))


def _mean_of_pairs(alike: np.ndarray) -> float:
    pairs = alike[np.triu_indices(len(alike), 1)]
    return float(pairs.mean()) if pairs.size else 1.0


def adjusted_rand_of_pairs(labels: np.ndarray) -> np.ndarray:
    """Adjusted Rand index of every two rows of ``labels`` (members, n).

    All contingency tables are blocks of one product of indicator matrices: hundreds
    of pairs cost what one costs.

    Returns
    -------
    Symmetric array (members, members), ones on the diagonal.
    """
    members, n = labels.shape
    groups = int(labels.max()) + 1
    column = labels + groups * np.arange(members)[:, None]
    row = np.tile(np.arange(n), members)
    ones = np.ones(row.size)
    shown = sp.csr_matrix((ones, (row, column.ravel())), (n, members * groups))
    tables = (shown.T @ shown).toarray()
    sizes = tables.diagonal().reshape(members, groups)
    blocks = tables.reshape(members, groups, members, groups)
    together = (blocks**2).sum(axis=(1, 3)) - n
    own = (sizes**2).sum(axis=1) - n
    expected = np.outer(own, own) / max(n * (n - 1), 1)
    most = (own[:, None] + own) / 2
    span = np.where(most > expected, most - expected, 1.0)
    return np.where(most > expected, (together - expected) / span, 1.0)


def coassociation(
    labels: list[np.ndarray], k: int, *, anchors: int = 2000, seed: int = 0
) -> np.ndarray:
    """Average linkage on how often two spots share a label (Fred & Jain 2005).

    Spots that every member treats alike are one point. Above ``anchors`` points,
    that many stand for all, and every other point joins the group it shares labels
    with most, so that nothing of the size of all pairs is formed.

    Average linkage splits off single odd spots first, which are no domains: the tree
    is cut where ``k`` groups have ``RING`` spots (or half of their even share, of very
    few spots), and the spots of smaller ones join the group they share labels with
    most.

    Parameters
    ----------
    labels
        One (n,) array per member; numbers of groups may differ.
    k
        Groups wanted.

    Returns
    -------
    Labels (n,) from 0.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    # Narrow integers: rows of many members are sorted below.
    coded = np.column_stack(
        [np.unique(m, return_inverse=True)[1].astype(np.int32) for m in labels]
    )
    points, member, size = np.unique(
        coded, axis=0, return_inverse=True, return_counts=True
    )
    chosen = np.arange(len(points))
    if len(points) > anchors:
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(points), anchors, replace=False, p=size / size.sum())
        chosen.sort()
    tree = linkage(pdist(points[chosen], "hamming"), "average")
    weight = size[chosen] * (size.sum() / size[chosen].sum())
    groups = cut_at_sizes(tree, weight, min(k, len(chosen)))
    grouped = groups >= 0
    chosen, groups = chosen[grouped], groups[grouped]
    shared = np.zeros((len(points), int(groups.max()) + 1))
    for column in points.T:
        counts = np.zeros((column.max() + 1, shared.shape[1]))
        np.add.at(counts, (column[chosen], groups), size[chosen])
        shared += counts[column]
    shared /= np.bincount(groups, weights=size[chosen])
    found = shared.argmax(axis=1)
    found[chosen] = groups
    return found[member.ravel()]


def cut_at_sizes(tree: np.ndarray, weight: np.ndarray, k: int) -> np.ndarray:
    """Cut a linkage tree where ``k`` groups are more than a few odd spots.

    Parameters
    ----------
    tree
        As of ``scipy.cluster.hierarchy.linkage``.
    weight
        (n,) spots that every leaf stands for.

    Returns
    -------
    Groups (n,) from 0, -1 in smaller ones. Where no cut has ``k`` large ones, the
    groups are those of the cut into ``k``.
    """
    from scipy.cluster.hierarchy import cut_tree

    least = min(RING, weight.sum() / (2 * k))
    most = min(len(weight), CUTS * k)
    cuts = cut_tree(tree, n_clusters=np.arange(k, most + 1))
    for groups in cuts.T:
        large = np.flatnonzero(np.bincount(groups, weights=weight) >= least)
        if len(large) >= k:
            renamed = np.full(groups.max() + 1, -1)
            renamed[large] = np.arange(len(large))
            return renamed[groups]
    return cuts[:, 0]
