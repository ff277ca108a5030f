"""Refinement of labels by the ring around a spot."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def ring_vote(labels: np.ndarray, graph: sp.csr_matrix) -> np.ndarray:
    """Give a stray spot the label of its ring, once.

    A spot changes when more than half of its neighbours share one other label and
    at most one neighbour shares its own: layers one spot wide stay.

    Parameters
    ----------
    labels
        (n,) integers from 0.
    graph
        (n, n) neighbours of each spot.
    """
    k = int(labels.max()) + 1 if len(labels) else 0
    member = sp.csr_matrix(
        (np.ones(len(labels)), (np.arange(len(labels)), labels)), (len(labels), k)
    )
    votes = (graph @ member).toarray()
    degree = np.asarray(graph.sum(axis=1)).ravel()
    best = votes.argmax(axis=1)
    rows = np.arange(len(labels))
    change = (votes[rows, best] > degree / 2) & (votes[rows, labels] <= 1)
    return np.where(change, best, labels)
