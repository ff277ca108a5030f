"""Posterior of Poisson mixtures under a Gamma prior that neighbours inform."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution.mixture import CHUNK, TINY, Mixture
from histobridge.deconvolution.outputs import shares
from histobridge.deconvolution.platform import shrunken_factor
from histobridge.deconvolution.priors import Cells, local_composition
from histobridge.deconvolution.solvers import poisson_newton


@dataclass
class Posterior:
    """Gamma posterior of the amounts of every type, per count of depth.

    Attributes
    ----------
    shape, rate : (n_spots, n_types)
    factor : (n_genes,)
        Platform factor of every gene.
    iterations : int
    """

    shape: np.ndarray
    rate: np.ndarray
    factor: np.ndarray
    iterations: int = 0

    @property
    def mean(self) -> np.ndarray:
        """Expected amounts (n_spots, n_types)."""
        return self.shape / self.rate


def maximum_likelihood(
    mixture: Mixture,
    *,
    rounds: int = 20,
    tol: float = 1e-4,
    factor: np.ndarray | None = None,
    start: Posterior | None = None,
) -> Posterior:
    """Amounts and platform factors in turn, each by its own exact step.

    Parameters
    ----------
    start
        Where to begin.
    factor
        Platform factors to keep, instead of estimating them.
    """
    counts, profiles, depth = mixture.counts, mixture.profiles, mixture.depth
    observed = np.asarray(counts.sum(axis=0)).ravel()
    current = np.ones(len(profiles)) if factor is None else factor
    amounts, done = None, 0
    if start is not None:
        current, amounts = start.factor, start.mean
    while done < rounds:
        before, done = amounts, done + 1
        # Between two updates of the factors an exact optimum is of no use.
        steps = 30 if factor is not None or done == rounds else 4
        amounts = newton(counts, profiles * current[:, None], depth, amounts, steps)
        if factor is not None:
            break
        if before is not None and np.abs(amounts - before).max() < tol:
            break
        expected = profiles @ (amounts.T @ depth)
        current = shrunken_factor(observed, expected, mixture.pseudo)
    assert amounts is not None
    rate = depth[:, None] * (profiles * current[:, None]).sum(axis=0)
    amounts = np.where(rate > TINY, amounts, 0.0)
    rate = np.maximum(rate, TINY)
    return Posterior(amounts * rate, rate, current, done)


def newton(
    counts: sp.csr_matrix,
    rates: np.ndarray,
    depth: np.ndarray,
    start: np.ndarray | None = None,
    steps: int = 30,
) -> np.ndarray:
    """``poisson_newton`` of sparse counts, a few thousand spots at a time."""
    out = np.empty((counts.shape[0], rates.shape[1]))
    for first in range(0, len(out), CHUNK):
        rows = slice(first, first + CHUNK)
        guess = None if start is None else start[rows]
        out[rows] = poisson_newton(
            counts[rows].toarray(), rates, depth[rows], guess, steps=steps
        )
    return out


def posterior(
    mixture: Mixture,
    start: Posterior,
    average: sp.csr_matrix | None,
    strength: float,
    *,
    trust: float = 0.8,
    cells: Cells | None = None,
    max_iter: int = 200,
    tol: float = 1e-4,
    fixed: bool = False,
) -> Posterior:
    """Variational posterior of ``a_sk ~ Gamma(strength * p_sk, strength)``.

    ``p_s`` is the mean composition of the neighbours of a spot (``average``), in
    part that of all spots (1 - ``trust``); it follows the estimate. Counts are
    shared out to types by ``exp(E log a)``, so a type of little evidence goes to
    zero faster than under maximum likelihood, and one that neighbours hold does not.

    Parameters
    ----------
    start
        Where to begin, e.g. at maximum likelihood.
    strength
        Weight of the prior in counts.
    cells
        Nuclei per spot and sizes: the prior is then one of cells, of which there
        are as many as nuclei, so that counts per nucleus tell large types from small.
    fixed
        Keep the platform factors of ``start``.
    """
    from scipy.special import psi

    profiles, depth = mixture.profiles, mixture.depth
    observed = np.asarray(mixture.counts.sum(axis=0)).ravel()
    factor, mean = start.factor, start.mean
    mixing = mean + 1e-6
    blocks = list(sparse_blocks(mixture.counts))
    for step in range(max_iter):
        rates = profiles * factor[:, None]
        now = shares(mean, None if cells is None else cells.sizes)
        prior = local_composition(now, average, trust)
        cost = strength * (1.0 if cells is None else cells.rates(depth, now))
        attracted = attraction(blocks, mixing, rates)
        shape = np.maximum(strength * prior + attracted, 1e-8)
        rate = cost + depth[:, None] * rates.sum(axis=0)
        before, mean = mean, shape / rate
        mixing = np.exp(psi(shape)) / rate
        if not fixed and step % 5 == 4:
            expected = profiles @ (mean.T @ depth)
            factor = shrunken_factor(observed, expected, mixture.pseudo)
        if step > 5 and np.abs(mean - before).max() < tol:
            break
    return Posterior(shape, rate, factor, step + 1)


Block = tuple[slice, sp.csr_matrix, np.ndarray]


def sparse_blocks(counts: sp.csr_matrix) -> Iterator[Block]:
    """Some thousand rows at a time, and the row of every count within them."""
    for first in range(0, counts.shape[0], CHUNK):
        rows = slice(first, min(first + CHUNK, counts.shape[0]))
        block = counts[rows]
        yield (
            rows,
            block,
            np.repeat(np.arange(len(block.indptr) - 1), np.diff(block.indptr)),
        )


def attraction(
    blocks: list[Block], amounts: np.ndarray, rates: np.ndarray
) -> np.ndarray:
    """Counts attributed to every type (n_spots, n_types); zeros cost nothing."""
    out = np.empty(amounts.shape)
    for rows, block, index in blocks:
        mean = np.maximum(amounts[rows] @ rates.T, TINY)
        parts = (block.data / mean[index, block.indices], block.indices, block.indptr)
        out[rows] = (sp.csr_matrix(parts, block.shape) @ rates) * amounts[rows]
    return out


def held_out_likelihood(
    held: sp.csr_matrix, rates: np.ndarray, amounts: np.ndarray
) -> np.ndarray:
    """Multinomial log-likelihood (n_spots,) of counts that a fit has not seen."""
    out = np.zeros(held.shape[0])
    for first in range(0, len(out), CHUNK):
        rows = slice(first, first + CHUNK)
        block = held[rows].tocoo()
        share = amounts[rows] @ rates.T
        share /= np.maximum(share.sum(axis=1, keepdims=True), TINY)
        value = block.data * np.log(share[block.row, block.col] + TINY)
        out[rows] = np.bincount(block.row, value, minlength=block.shape[0])
    return out
