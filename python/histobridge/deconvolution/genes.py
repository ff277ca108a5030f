"""Which genes a deconvolution reads."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from histobridge.contract import ContractError
from histobridge.deconvolution.signatures import Signatures
from histobridge.normalisation import TARGET_SUM, log_normalise, variable_genes

FLOOR = 1e-9


def expressed(signatures: Signatures, least: float = 1e-6) -> np.ndarray:
    """Mask of genes that some type expresses."""
    return signatures.profiles.max(axis=1) > least


def log_fold_changes(profiles: np.ndarray) -> np.ndarray:
    """Log ratio of each type to the mean of the others, (n_genes, n_types)."""
    others = (profiles.sum(axis=1, keepdims=True) - profiles) / max(
        profiles.shape[1] - 1, 1
    )
    return np.log(profiles + FLOOR) - np.log(others + FLOOR)


def specific(
    profiles: np.ndarray, fold: float, least: float, total: np.ndarray | None = None
) -> np.ndarray:
    """Mask of genes that some type expresses above ``least`` and above the others.

    RCTD's gene list (Cable et al. 2022): log fold change above ``fold``, at least 3
    counts in all spots where ``total`` is given.
    """
    chosen = np.any((log_fold_changes(profiles) > fold) & (profiles > least), axis=1)
    return chosen if total is None else chosen & (total >= 3)


def markers(profiles: np.ndarray, n: int, least: float = 1e-5) -> list[np.ndarray]:
    """Positions of the ``n`` genes of largest fold change of every type."""
    fold = np.where(profiles > least, log_fold_changes(profiles), -np.inf)
    order = np.argsort(-fold, axis=0, kind="stable")[:n]
    return [
        order[np.isfinite(fold[order[:, k], k]) & (fold[order[:, k], k] > 0), k]
        for k in range(profiles.shape[1])
    ]


def leverage(profiles: np.ndarray, n: int) -> np.ndarray:
    """Positions of the ``n`` genes that tell types apart most, by leverage.

    Squared rows of the left singular vectors of centred log profiles: genes that
    span what distinguishes the types, whether of many or of few cells.
    """
    logs = np.log1p(TARGET_SUM * profiles)
    logs -= logs.mean(axis=1, keepdims=True)
    left, values, _ = np.linalg.svd(logs, full_matrices=False)
    score = (left[:, values > 1e-8 * values[0]] ** 2).sum(axis=1)
    return np.sort(np.argsort(-score, kind="stable")[:n])


def select_genes(
    signatures: Signatures, counts: sp.csr_matrix, rule: str = "all", n: int = 100
) -> np.ndarray:
    """Positions of the genes that a rule picks, in order.

    Parameters
    ----------
    counts
        (n_spots, n_genes) of the genes of ``signatures``.
    rule
        ``all``; ``specific`` (RCTD's list); ``markers`` (``n`` of every type);
        ``variable`` (``n`` over spots); ``leverage`` (``n``). Where a rule finds
        fewer than one gene per type, all genes are used.

    Raises
    ------
    ContractError
        Unknown rule.
    """
    everything = np.arange(len(signatures.genes))
    rules = {
        "all": lambda: everything,
        "specific": lambda: np.flatnonzero(
            specific(signatures.profiles, 0.75, 2e-4, _total(counts))
        ),
        "markers": lambda: np.unique(np.concatenate(markers(signatures.profiles, n))),
        "variable": lambda: np.sort(variable_genes(log_normalise(counts), n)),
        "leverage": lambda: leverage(signatures.profiles, n),
    }
    if rule not in rules:
        raise ContractError("a rule of gene choice", repr(rule), rules)
    chosen = rules[rule]()
    return chosen if len(chosen) >= len(signatures.types) else everything


def _total(counts: sp.csr_matrix) -> np.ndarray:
    return np.asarray(counts.sum(axis=0)).ravel()
