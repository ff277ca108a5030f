"""Named scores of a prediction within one section, as the runner writes them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from histobridge.evaluation import metrics

TOP = 50
"""Genes of ``pearson_gene_top50``: the most variable of the training spots."""


@dataclass(frozen=True)
class Section:
    """Prediction and truth (n, genes) of the test spots of one section.

    ``train_mean`` (genes,) of the training spots, ``depth`` (n,) total counts,
    ``points`` (n, 2) positions in microns.
    """

    guess: np.ndarray
    truth: np.ndarray
    train_mean: np.ndarray
    depth: np.ndarray
    points: np.ndarray


Score = Callable[[Section], float]


def _significant(s: Section) -> float:
    return metrics.fraction_significant(
        metrics.toroidal_p(s.guess, s.truth, s.points, draws=199)
    )


SCORES: dict[str, Score] = {
    "pearson_gene": lambda s: metrics.pearson_columns(s.guess, s.truth).mean(),
    "pearson_gene_top50": lambda s: metrics.pearson_columns(s.guess, s.truth)[
        :TOP
    ].mean(),
    "spearman_gene": lambda s: metrics.spearman_columns(s.guess, s.truth).mean(),
    "pearson_gene_partial": lambda s: metrics.partial_pearson(
        s.guess, s.truth, s.depth
    ).mean(),
    "r2_gene": lambda s: metrics.r2_train_mean(s.guess, s.truth, s.train_mean).mean(),
    "mse_skill": lambda s: metrics.mse_skill(s.guess, s.truth, s.train_mean),
    "fraction_above_03": lambda s: metrics.fraction_above(
        metrics.pearson_columns(s.guess, s.truth)
    )[0],
    "fraction_significant": _significant,
    "ssim_global": lambda s: metrics.ssim_global(s.guess, s.truth).mean(),
    "pearson_spot": lambda s: metrics.spot_pearson(s.guess, s.truth),
    "pearson_spot_centred": lambda s: metrics.gene_centred_spot_pearson(
        s.guess, s.truth, s.train_mean
    ),
    "pearson_pooled": lambda s: metrics.pooled_pearson(s.guess, s.truth),
}
"""Name -> score; the first is the headline."""


def replicates(
    s: Section, weights: np.ndarray, names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Scores when spot i counts ``weights[b, i]`` times, (replicates,) by name.

    Of ``names`` those that have a weighted form; the others are left out.
    """
    genes = functools.cache(lambda: metrics.weighted_pearson(s.guess, s.truth, weights))
    forms: dict[str, Callable[[], np.ndarray]] = {
        "pearson_gene": lambda: genes().mean(axis=1),
        "pearson_gene_top50": lambda: genes()[:, :TOP].mean(axis=1),
        "pearson_gene_partial": lambda: _weighted_partial(s, weights, genes()),
        "mse_skill": lambda: _weighted_skill(s, weights),
        "pearson_spot": lambda: _mean_over_spots(s.guess, s.truth, weights),
        "pearson_spot_centred": lambda: _mean_over_spots(
            s.guess - s.train_mean, s.truth - s.train_mean, weights
        ),
        "pearson_pooled": lambda: _weighted_pooled(s, weights),
    }
    return {name: forms[name]() for name in names if name in forms}


def _weighted_skill(s: Section, weights: np.ndarray) -> np.ndarray:
    error = weights @ ((s.truth - s.guess) ** 2).sum(axis=1)
    return 1 - error / (weights @ ((s.truth - s.train_mean) ** 2).sum(axis=1))


def _mean_over_spots(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return weights @ metrics.pearson_columns(x.T, y.T) / weights.sum(axis=1)


def _weighted_partial(s: Section, weights: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Partial correlation from the three correlations, given that of the genes."""
    depth = np.log(np.maximum(s.depth, 1))[:, None]
    guess = metrics.weighted_pearson(s.guess, depth, weights)
    truth = metrics.weighted_pearson(s.truth, depth, weights)
    left = (1 - guess**2) * (1 - truth**2)
    # A multiple of depth has nothing left to correlate.
    safe = np.where(left > 1e-9, left, 1.0)
    partial = np.where(left > 1e-9, (r - guess * truth) / np.sqrt(safe), 0.0)
    return partial.mean(axis=1)


def _weighted_pooled(s: Section, weights: np.ndarray) -> np.ndarray:
    """Pearson over all spots and genes, from the sums of every spot."""
    x, y = s.guess - s.guess.mean(), s.truth - s.truth.mean()
    sums = np.stack([x, y, x**2, y**2, x * y]).sum(axis=2)
    count = weights.sum(axis=1) * x.shape[1]
    mean_x, mean_y, xx, yy, xy = (weights @ sums.T).T / count
    variance = np.maximum(xx - mean_x**2, 0) * np.maximum(yy - mean_y**2, 0)
    safe = np.where(variance > 1e-20, variance, 1.0)
    return np.where(variance > 1e-20, (xy - mean_x * mean_y) / np.sqrt(safe), 0.0)
