"""How far to pool counts over neighbours, chosen by molecular cross-validation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from histobridge.graphs import row_mean
from histobridge.normalisation import log_normalise, variable_genes
from histobridge.statistics import split_counts

STEPS = (0, 1, 2, 4, 8, 16)
FIT_SHARE = 0.9
SPLITS = 3
PRIORS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Counts of the section's mean profile that join a spot, in median depths."""

GENES_SCORED = 1000
GENES_AT_ONCE = 100


@dataclass(frozen=True)
class Choice:
    """Steps chosen for one section, and the loss of every number of steps.

    ``loss`` is the Poisson loss per spot; ``prior`` the one it was least with.
    """

    steps: int
    prior: float
    loss: dict[int, float]


def lazy_walk(graph: sp.csr_matrix) -> sp.csr_matrix:
    """One step (n, n): half stays, half comes from the neighbours by weight."""
    return ((sp.identity(graph.shape[0]) + row_mean(graph)) / 2).tocsr()


def walk(
    counts: sp.csr_matrix | np.ndarray, step: sp.csr_matrix, steps: int
) -> sp.csr_matrix | np.ndarray:
    """``counts`` (n, d) pooled over ``steps`` steps."""
    for _ in range(steps):
        counts = step @ counts
    return counts


def choose_steps(
    counts: sp.csr_matrix,
    step: sp.csr_matrix,
    *,
    steps: tuple[int, ...] = STEPS,
    seed: int = 0,
) -> Choice:
    """Number of steps that best predicts molecules it has not seen.

    Nine tenths of the molecules of every spot are pooled; the Poisson loss of the
    other tenth tells how well (molecular cross-validation; Batson, Royer and Webber
    2019, bioRxiv 786269). Every number of steps may also lean on the mean profile of
    the section, as far as suits it best: where neighbours tell no more than that mean,
    no step is taken. Of equal losses the fewest steps win.

    Parameters
    ----------
    counts
        (n, genes) whole numbers of one section; the 1,000 most variable genes count.
    step
        (n, n) from :func:`lazy_walk`.
    """
    rng = np.random.default_rng(seed)
    genes = np.sort(variable_genes(log_normalise(counts), GENES_SCORED))
    steps = tuple(sorted(set(steps)))
    total = np.zeros((len(steps), len(PRIORS)))
    for _ in range(SPLITS):
        total += _losses(*split_counts(counts, rng, FIT_SHARE), genes, step, steps)
    loss = total / SPLITS / counts.shape[0]
    best, prior = np.unravel_index(loss.argmin(), loss.shape)
    curve = dict(zip(steps, loss.min(axis=1).tolist(), strict=True))
    return Choice(steps[best], PRIORS[prior], curve)


def _losses(
    fit: sp.csr_matrix,
    kept: sp.csr_matrix,
    genes: np.ndarray,
    step: sp.csr_matrix,
    steps: tuple[int, ...],
) -> np.ndarray:
    """Poisson loss (steps, priors) of ``kept`` given ``fit``, over ``genes``."""
    depth, offset = (np.asarray(part.sum(axis=1)).ravel() for part in (fit, kept))
    mean = np.asarray(fit.sum(axis=0)).ravel() / max(depth.sum(), 1.0)
    priors = np.array(PRIORS) * max(float(np.median(depth)), 1.0)
    fit, kept = fit.tocsc(), kept.tocsc()
    losses = np.zeros((len(steps), len(priors)))
    for start in range(0, len(genes), GENES_AT_ONCE):
        block = genes[start : start + GENES_AT_ONCE]
        pooled, pooled_depth, done = fit[:, block].toarray(), depth, 0
        seen = kept[:, block].tocoo()
        for i, number in enumerate(steps):
            pooled = walk(pooled, step, number - done)
            pooled_depth = walk(pooled_depth, step, number - done)
            done = number
            for j, prior in enumerate(priors):
                scale = offset / (pooled_depth + prior)
                at = pooled[seen.row, seen.col] + prior * mean[block][seen.col]
                rate = scale[seen.row] * at
                expected = scale @ pooled.sum(axis=1)
                expected += prior * mean[block].sum() * scale.sum()
                losses[i, j] += expected - seen.data @ np.log(np.maximum(rate, 1e-300))
    return losses
