"""Batch adjustment of expression: ComBat and least squares, missing genes allowed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Adjust = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def one_hot(codes: np.ndarray) -> np.ndarray:
    """Indicator columns (n, levels) of codes from 0."""
    return np.eye(codes.max() + 1)[codes]


def combat(values: np.ndarray, batch: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """Location and scale of every batch shrunk together, then removed.

    Johnson, Li and Rabinovic 2007, Biostatistics 8:118, parametric prior, as
    ``sva::ComBat``.

    Parameters
    ----------
    values
        (n, genes).
    batch
        (n,) codes from 0, each of at least two spots.
    covariates
        (n, p) without intercept, kept.
    """
    member = one_hot(batch)
    size = member.sum(axis=0)
    design = np.hstack([member, covariates])
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    k = member.shape[1]
    centre = (size / len(values)) @ coefficients[:k] + covariates @ coefficients[k:]
    variance = ((values - design @ coefficients) ** 2).mean(axis=0)
    # A gene that one batch never varies in cannot be scaled there.
    spread = [values[batch == b].var(axis=0) for b in range(k)]
    usable = (np.min(spread, axis=0) > 0) & (variance > 0)
    scale = np.sqrt(np.where(usable, variance, 1.0))
    standard = ((values - centre) / scale)[:, usable]
    adjusted = values.astype(float).copy()
    adjusted[:, usable] = _shrunk(standard, batch, size) * scale[usable]
    adjusted[:, usable] += (centre + 0 * values)[:, usable]
    return adjusted


def _shrunk(standard: np.ndarray, batch: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Standardised values without the empirical Bayes effects of their batch."""
    out = np.empty_like(standard)
    for b, n in enumerate(size):
        own = standard[batch == b]
        shift, scale = own.mean(axis=0), own.var(axis=0, ddof=1)
        out[batch == b] = own
        if standard.shape[1] > 1:
            shift, scale = _posterior(own, shift, scale, float(n))
        out[batch == b] = (own - shift) / np.sqrt(scale)
    return out


def _posterior(
    own: np.ndarray, shift: np.ndarray, scale: np.ndarray, n: float, tol: float = 1e-4
) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean and variance of one batch (genes,), by fixed-point iteration."""
    prior, width = shift.mean(), shift.var(ddof=1)
    mean, spread = scale.mean(), scale.var(ddof=1)
    shape, rate = 2 + mean**2 / spread, mean + mean**3 / spread
    total, square = own.sum(axis=0), (own**2).sum(axis=0)
    first, found, variance = shift, shift, scale
    for _ in range(1000):
        new = (n * width * first + variance * prior) / (n * width + variance)
        left = square - 2 * new * total + n * new**2
        spread_new = (rate + left / 2) / (n / 2 + shape - 1)
        change = max(
            np.max(np.abs(new - found) / np.maximum(np.abs(found), 1e-300)),
            np.max(np.abs(spread_new - variance) / variance),
        )
        found, variance = new, spread_new
        if change <= tol:
            break
    return found, variance


def remove_batch_means(
    values: np.ndarray, batch: np.ndarray, covariates: np.ndarray
) -> np.ndarray:
    """Subtract the batch effects of a linear model, as ``limma::removeBatchEffect``.

    Effects sum to zero over batches, so the mean over batches stays.
    """
    member = one_hot(batch)
    contrast = member[:, :-1] - member[:, -1:]
    design = np.hstack([np.ones((len(values), 1)), covariates, contrast])
    coefficients = np.linalg.lstsq(design, values, rcond=None)[0]
    return values - contrast @ coefficients[-contrast.shape[1] :]


ADJUST: dict[str, Adjust] = {"combat": combat, "limma": remove_batch_means}


def harmonise(
    values: np.ndarray, batch: np.ndarray, covariates: np.ndarray, adjust: Adjust
) -> np.ndarray:
    """Adjust genes together that were measured in the same batches (HarmonizR).

    Voss et al. 2022 (Nat Commun 13:3523). A gene is measured in a batch where at
    least two of its values are there; what was measured in one batch alone stays as
    it is, and nothing is imputed.

    Parameters
    ----------
    values
        (n, genes), NaN where a gene was not measured.
    """
    adjusted = values.astype(float).copy()
    present = ~np.isnan(values)
    counted = np.stack(
        [present[batch == b].sum(axis=0) for b in range(batch.max() + 1)]
    )
    patterns, code = np.unique(counted >= 2, axis=1, return_inverse=True)
    for i, pattern in enumerate(patterns.T):
        if pattern.sum() < 2:
            continue
        genes = np.flatnonzero(code.ravel() == i)
        spots = np.flatnonzero(pattern[batch])
        own = np.unique(batch[spots], return_inverse=True)[1]
        block = values[np.ix_(spots, genes)]
        whole = ~np.isnan(block).any(axis=0)
        part = adjust(block[:, whole], own, _free(covariates[spots], own))
        adjusted[np.ix_(spots, genes[whole])] = part
    return adjusted


def _free(covariates: np.ndarray, batch: np.ndarray) -> np.ndarray:
    """Covariates that the batches do not determine."""
    kept, design = [], one_hot(batch)
    for column in covariates.T:
        wider = np.column_stack([design, column])
        if np.linalg.matrix_rank(wider) > np.linalg.matrix_rank(design):
            kept.append(column)
            design = wider
    return np.column_stack(kept) if kept else np.empty((len(batch), 0))
