"""Benchmark deconvolution systems against known proportions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd

from histobridge import keys
from histobridge.contract import ContractError
from histobridge.deconvolution.base import fit_tables
from histobridge.deconvolution.verbs import shared_problem
from histobridge.evaluation import metrics
from histobridge.evaluation.cost import Energy
from histobridge.evaluation.execution import Execution
from histobridge.evaluation.problem import Fold, Part, Problem, Score
from histobridge.evaluation.result import ALL, Benchmark
from histobridge.evaluation.runner import run
from histobridge.evaluation.tidy import finish
from histobridge.evaluation.views import declared_view
from histobridge.parallel import Progress
from histobridge.splits import Splitter

if TYPE_CHECKING:
    from anndata import AnnData

PROTOCOL = "other section as reference"


@dataclass(frozen=True)
class Proportions:
    """Estimated and true proportions (n, n_types)."""

    guess: np.ndarray
    truth: np.ndarray


PER_SPOT: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "rmse_spot": metrics.spot_rmse,
    "pearson_spot": metrics.proportions.spot_pearson,
    "jsd_spot": metrics.jensen_shannon,
}
"""Scores (n,) of spots, of which the mean is reported."""

PER_TYPE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "rmse_type": metrics.type_rmse,
    "pearson_type": metrics.type_pearson,
    "jsd_type": metrics.type_jensen_shannon,
}
"""Scores (n_types,) of types, of which the mean over types that are there is."""


def _auprc(s: Proportions) -> float:
    return metrics.area_under_precision_recall(s.guess, s.truth)


def _over_types(name: str) -> Callable[[Proportions], float]:
    def score(s: Proportions) -> float:
        there = s.truth.sum(axis=0) > 0
        return float(PER_TYPE[name](s.guess[:, there], s.truth[:, there]).mean())

    return score


RESAMPLED: dict[str, Callable[[Proportions], float]] = {
    "auprc": _auprc,
    **{name: _over_types(name) for name in PER_TYPE},
}
"""Scores that are computed again for every resample."""


class Deconvolution(Problem):
    """Estimate proportions of cell types from a reference.

    Parameters
    ----------
    reference
        Cells x genes with counts.
    truth
        ``obsm`` data frame (n_spots x n_types) of true proportions.
    labels
        ``reference.obs`` column of cell types.
    seed
        Of the resampling of spots.
    """

    task = "deconvolution"
    headline = ("rmse_spot", "auprc", "pearson_spot")
    scores: Mapping[str, Score] = {
        "rmse_spot": lambda s: PER_SPOT["rmse_spot"](s.guess, s.truth).mean(),
        **RESAMPLED,
        "pearson_spot": lambda s: PER_SPOT["pearson_spot"](s.guess, s.truth).mean(),
        "jsd_spot": lambda s: PER_SPOT["jsd_spot"](s.guess, s.truth).mean(),
    }

    def __init__(
        self,
        adata: AnnData,
        *,
        reference: AnnData,
        truth: str = keys.TRUE_PROPORTIONS,
        labels: str = keys.CELL_TYPE,
        seed: int = 0,
    ):
        super().__init__(adata)
        counts, self.signatures = shared_problem(adata, reference, labels)
        self.counts = counts
        self.known = _truth(adata, truth, self.signatures.types)
        self.full = np.asarray(counts.sum(axis=1)).ravel() > 0
        self.seed = seed

    def folds(self, splitter: Splitter | None, protocol: str) -> list[Fold]:
        """All spots, or the test spots of a splitter; nothing is trained on."""
        parts = {ALL: np.arange(self.adata.n_obs)}
        return self.untrained_folds(parts, self.full, splitter, protocol)

    def answer(self, model: Any, fold: Fold, needs: Sequence[str]) -> np.ndarray:
        """Proportions (n_test, n_types)."""
        seen = declared_view(self.adata[fold.test], needs)
        counts = self.counts[fold.test]
        return fit_tables(model, seen, counts, self.signatures)[keys.PROPORTIONS]

    def parts(self, fold: Fold, answer: np.ndarray) -> Iterator[Part]:
        """All test spots at once: scores are means over spots."""
        truth = self.known[fold.test]
        yield Part(fold.name, fold.test, Proportions(answer, truth))

    def weights(self, part: Part, replicates: int) -> np.ndarray:
        """Spots drawn by themselves, the same for every system."""
        n = len(part.spots)
        draws = np.random.default_rng(self.seed).integers(n, size=(replicates, n))
        return np.stack([np.bincount(draw, minlength=n) for draw in draws])

    def replicates(
        self, part: Part, weights: np.ndarray, names: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Score under each row of ``weights``; of a hundred where not per spot."""
        s, drawn = part.content, {}
        for name in names:
            if name in PER_SPOT:
                values = PER_SPOT[name](s.guess, s.truth)
                drawn[name] = weights @ values / weights.sum(axis=1)
            elif name in RESAMPLED:
                rows = [np.repeat(np.arange(len(w)), w) for w in weights[:100]]
                again = [Proportions(s.guess[r], s.truth[r]) for r in rows]
                drawn[name] = np.array([RESAMPLED[name](a) for a in again])
        return drawn

    def facts(self) -> list[Any]:
        """Signatures, truth and resampling."""
        signatures = joblib.hash(vars(self.signatures))
        return [signatures, self.known, self.seed]


def benchmark_deconvolution(
    adata: AnnData,
    reference: AnnData,
    *,
    truth: str = keys.TRUE_PROPORTIONS,
    labels: str = keys.CELL_TYPE,
    systems: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    splitter: Splitter | None = None,
    dataset: str = "data",
    n_bootstrap: int = 500,
    seed: int = 0,
    seeds: int = 1,
    folder: str | Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    energy: Energy = "estimate",
    progress: Progress = True,
) -> Benchmark:
    """Score proportions against ``obsm[truth]`` beside uniform, Dirichlet and NNLS.

    Where there are image features, the house system without them (``no_image``) and
    with those of other spots (``shuffled_image``) stand beside it.

    Parameters
    ----------
    truth
        ``obsm`` data frame (n_spots x n_types); a type of the reference that it
        lacks counts as absent.
    labels
        ``reference.obs`` column of cell types.
    systems
        Names, or name -> parameters; default all. Baselines always run.
    splitter
        Its test spots are estimated and scored together, e.g. section by section;
        default all spots at once.
    dataset
        Name of the data in the table.
    n_bootstrap
        Resamples of spots.
    seed, seeds
        First seed of the systems and how many; the median is reported.
    folder, workers, cluster, energy, progress
        See :func:`benchmark`.

    Returns
    -------
    Benchmark with metrics ``rmse_spot`` (headline; mean over spots of the root mean
    squared error over types), ``auprc`` (presence), ``pearson_spot``, ``jsd_spot``
    (bits), and over types ``rmse_type``, ``pearson_type`` and ``jsd_type``
    (distance); bounds by resampling spots.

    Raises
    ------
    ContractError
        No truth, or none of its types in the reference; see ``deconvolve``.

    Examples
    --------
    >>> import histobridge as hb
    >>> mixture = hb.data.example_mixture()
    >>> reference = hb.data.example_reference()
    >>> scores = hb.benchmark_deconvolution(mixture, reference, progress=False)
    >>> scores.summary()["system"].iloc[0]
    'poisson_image'
    """
    problem = Deconvolution(
        adata, reference=reference, truth=truth, labels=labels, seed=seed
    )
    folds = problem.folds(splitter, PROTOCOL)
    scored = run(
        {dataset: problem},
        {dataset: folds},
        systems,
        None,
        range(seed, seed + seeds),
        n_bootstrap=n_bootstrap,
        execution=Execution(folder, workers, cluster, energy, progress),
    )[dataset]
    settings = {"truth": truth, "labels": labels, "seed": seed}
    return finish(problem, dataset, scored, folds, settings)


def _truth(adata: AnnData, key: str, types: list[str]) -> np.ndarray:
    if key not in adata.obsm or not isinstance(adata.obsm[key], pd.DataFrame):
        frames = [k for k, v in adata.obsm.items() if isinstance(v, pd.DataFrame)]
        raise ContractError(
            f"true proportions as a data frame in obsm[{key!r}] (an altExp in R)",
            "none",
            frames,
        )
    frame = adata.obsm[key]
    absent = [t for t in frame.columns if t not in types]
    if absent:
        raise ContractError(
            "every type of the truth in the reference", f"absent: {absent}", types
        )
    return frame.reindex(columns=types, fill_value=0.0).to_numpy(dtype=float)
