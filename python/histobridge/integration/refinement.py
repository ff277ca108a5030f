"""Refinement of labels by the spots around a spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.integration.features import spatial_rings

if TYPE_CHECKING:
    from anndata import AnnData


def _votes(labels: np.ndarray, graph: sp.csr_matrix) -> np.ndarray:
    """Weight (n, k) of each label among the neighbours of each spot."""
    k = int(labels.max()) + 1 if len(labels) else 0
    member = sp.csr_matrix(
        (np.ones(len(labels)), (np.arange(len(labels)), labels)), (len(labels), k)
    )
    return (graph @ member).toarray()


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
    votes = _votes(labels, graph)
    degree = np.asarray(graph.sum(axis=1)).ravel()
    best = votes.argmax(axis=1)
    rows = np.arange(len(labels))
    change = (votes[rows, best] > degree / 2) & (votes[rows, labels] <= 1)
    return np.where(change, best, labels)


def majority_vote(
    labels: np.ndarray, graph: sp.csr_matrix, rounds: int = 1
) -> np.ndarray:
    """Label most frequent among the neighbours; a tie keeps the spot's own."""
    rows = np.arange(len(labels))
    for _ in range(rounds):
        votes = _votes(labels, graph)
        votes[rows, labels] += 0.5
        labels = votes.argmax(axis=1)
    return labels


def lattice_majority(labels: np.ndarray, adata: AnnData, rounds: int = 1) -> np.ndarray:
    """``majority_vote`` among the lattice neighbours of every spot."""
    return majority_vote(labels, spatial_rings(adata), rounds)


def minority_vote(labels: np.ndarray, graph: sp.csr_matrix) -> np.ndarray:
    """SpaGCN's rule: change where one's own label is rarer than half, another not.

    (Hu et al. 2021, Nat Methods 18:1342.)
    """
    votes = _votes(labels, graph)
    half = np.asarray(graph.sum(axis=1)).ravel() / 2
    rows = np.arange(len(labels))
    best = votes.argmax(axis=1)
    change = (votes[rows, labels] < half) & (votes[rows, best] > half)
    return np.where(change, best, labels)
