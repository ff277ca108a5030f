"""Which genes to believe: what a translator reaches on spots it was not fitted on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract, graphs
from histobridge.normalisation import pearson_columns
from histobridge.splits import honest_splits
from histobridge.translation.target import LogCP10k

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.translation.base import Translator

BELIEVED = 0.3
"""Expected Pearson from which a gene counts as reliable."""

COVERAGE = 0.9
"""Share of spots whose measured expression lies within the interval."""

SMALLEST = 5
"""Spots of a section in a fold from which a correlation is taken."""


@dataclass(frozen=True)
class Reliability:
    """What to expect of every gene.

    Attributes
    ----------
    pearson
        (n_genes,) mean within-section Pearson over inner folds.
    half_width
        (n_genes,) 90 % quantile of the absolute error over inner folds, after the
        mean of the section (split conformal; Lei et al. 2018, JASA 113:1094).
    """

    pearson: np.ndarray
    half_width: np.ndarray


def assess(
    create: Callable[[], Translator],
    adata: AnnData,
    genes: Sequence[str],
    seed: int = 0,
) -> Reliability | None:
    """Fit fresh translators on inner folds and score each on what it did not see.

    Folds are patients, else sections, else buffered blocks. None where no fold has
    enough spots: random halves would promise what neighbours told.
    """
    spots = np.flatnonzero(~contract.empty_spots(adata))
    target = LogCP10k().fit(adata, genes, spots)
    sections = graphs.section_codes(adata)
    total, weight, errors = np.zeros(len(genes)), 0, []
    for train, test in honest_splits(adata, spots, seed):
        if len(train) < 2 * SMALLEST:
            continue
        model = create().fit(adata, genes, train)
        for section in np.unique(sections[test]):
            part = test[sections[test] == section]
            if len(part) < SMALLEST:
                continue
            guess, truth = model.predict(adata, part), target.transform(adata, part)
            total += len(part) * np.nan_to_num(pearson_columns(guess, truth))
            weight += len(part)
            errors.append(np.abs((truth - truth.mean(0)) - (guess - guess.mean(0))))
    if not weight:
        return None
    half_width = np.quantile(np.concatenate(errors), COVERAGE, axis=0)
    return Reliability(total / weight, half_width)
