"""The inner loops of community detection, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def move_nodes(indptr, indices, weights, degree, start, resolution, order):
    """Move nodes to the best neighbouring community until none gains (Leiden's queue).

    Arrays are those of a CSR graph; ``start`` (n,) is the first partition and
    ``order`` (n,) the first queue. Returns the partition.
    """
    n = len(degree)
    community = start.copy()
    total = np.zeros(n)
    for i in range(n):
        total[community[i]] += degree[i]
    scale = max(degree.sum(), 1e-300)
    queue = order.copy()
    waiting = np.ones(n, dtype=np.bool_)
    head, length = 0, n
    link = np.zeros(n)
    free = _free_names(community, n)
    while length > 0:
        i = queue[head]
        head = (head + 1) % n
        length -= 1
        waiting[i] = False
        own = community[i]
        total[own] -= degree[i]
        for at in range(indptr[i], indptr[i + 1]):
            if indices[at] != i:
                link[community[indices[at]]] += weights[at]
        near = indices[indptr[i] : indptr[i + 1]]
        price = resolution * degree[i]
        spare = free[-1] if len(free) > 0 else -1
        best = _best_community(near, community, link, total, price, scale, own, spare)
        for j in near:
            link[community[j]] = 0.0
        total[best] += degree[i]
        if best != own:
            if len(free) > 0 and best == free[-1]:
                free.pop()
            if total[own] <= 1e-12:
                free.append(own)
            community[i] = best
            for j in near:
                if community[j] != best and not waiting[j]:
                    waiting[j] = True
                    queue[(head + length) % n] = j
                    length += 1
    return community


@njit(cache=True)
def _best_community(near, community, link, total, price, scale, own, spare):
    """Community of largest gain among those of ``near``, one's own and an empty one.

    ``link`` (n,) is the weight of a node's edges into each, ``total`` (n,) the degree
    of each without the node, ``spare`` the name of an empty one or -1.
    """
    best, gain = own, link[own] - price * total[own] / scale
    if total[own] > 1e-12 and gain < -1e-12 and spare >= 0:
        # Leaving for a community of its own gains nothing and loses nothing.
        best, gain = spare, 0.0
    for j in near:
        other = community[j]
        found = link[other] - price * total[other] / scale
        if found > gain + 1e-12:
            best, gain = other, found
    return best


@njit(cache=True)
def _free_names(community, n):
    used = np.zeros(n, dtype=np.bool_)
    for name in community:
        used[name] = True
    free = [np.int64(0)]
    free.pop()
    for name in range(n):
        if not used[name]:
            free.append(np.int64(name))
    return free


@njit(cache=True)
def refine_nodes(indptr, indices, weights, degree, community, resolution, order):
    """Split every community into well-connected parts, starting from single nodes."""
    n = len(degree)
    part = np.arange(n)
    total, size = degree.copy(), np.ones(n, dtype=np.int64)
    scale = max(degree.sum(), 1e-300)
    whole = np.zeros(n)
    for i in range(n):
        whole[community[i]] += degree[i]
    link = np.zeros(n)
    for i in order:
        if size[part[i]] != 1:
            continue
        inside = 0.0
        for at in range(indptr[i], indptr[i + 1]):
            j = indices[at]
            if j != i and community[j] == community[i]:
                link[part[j]] += weights[at]
                inside += weights[at]
        rest = whole[community[i]] - degree[i]
        best, gain = part[i], 0.0
        if inside >= resolution * degree[i] * rest / scale:
            for at in range(indptr[i], indptr[i + 1]):
                j = indices[at]
                if j != i and community[j] == community[i]:
                    other = part[j]
                    found = link[other] - resolution * degree[i] * total[other] / scale
                    if found > gain + 1e-12:
                        best, gain = other, found
        for at in range(indptr[i], indptr[i + 1]):
            link[part[indices[at]]] = 0.0
        if best != part[i]:
            size[part[i]] -= 1
            total[part[i]] -= degree[i]
            part[i] = best
            size[best] += 1
            total[best] += degree[i]
    return part


@njit(cache=True)
def shared_neighbours(indptr, indices):
    """Jaccard index of the sorted neighbour lists at the two ends of every edge."""
    values = np.zeros(len(indices))
    for i in range(len(indptr) - 1):
        for at in range(indptr[i], indptr[i + 1]):
            j = indices[at]
            a, b, common = indptr[i], indptr[j], 0
            while a < indptr[i + 1] and b < indptr[j + 1]:
                if indices[a] == indices[b]:
                    common += 1
                    a += 1
                    b += 1
                elif indices[a] < indices[b]:
                    a += 1
                else:
                    b += 1
            sizes = indptr[i + 1] - indptr[i] + indptr[j + 1] - indptr[j]
            values[at] = common / max(sizes - common, 1)
    return values
