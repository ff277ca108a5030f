"""Named scores of a prediction within one section, as the runner writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from histobridge.evaluation import metrics


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


def _mse_skill(s: Section) -> float:
    error = ((s.truth - s.guess) ** 2).sum()
    return 1 - error / ((s.truth - s.train_mean) ** 2).sum()


def _significant(s: Section) -> float:
    return metrics.fraction_significant(
        metrics.toroidal_p(s.guess, s.truth, s.points, draws=199)
    )


SCORES: dict[str, Score] = {
    "pearson_gene": lambda s: metrics.pearson_columns(s.guess, s.truth).mean(),
    "spearman_gene": lambda s: metrics.spearman_columns(s.guess, s.truth).mean(),
    "pearson_gene_partial": lambda s: metrics.partial_pearson(
        s.guess, s.truth, s.depth
    ).mean(),
    "r2_gene": lambda s: metrics.r2_train_mean(s.guess, s.truth, s.train_mean).mean(),
    "mse_skill": _mse_skill,
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
