"""Benchmark translation systems beside what never saw the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from histobridge import contract, graphs
from histobridge.contract import ContractError
from histobridge.evaluation import metrics
from histobridge.evaluation.aggregate import Scored
from histobridge.evaluation.cost import Energy
from histobridge.evaluation.execution import Execution
from histobridge.evaluation.problem import Fold, Part, Problem
from histobridge.evaluation.result import Benchmark, block_weights
from histobridge.evaluation.runner import run
from histobridge.evaluation.scores import SCORES, TOP, Section, replicates
from histobridge.evaluation.tidy import finish
from histobridge.evaluation.views import training_view, withheld_view
from histobridge.parallel import Progress
from histobridge.splits import (
    LeaveOnePatientOut,
    LeaveOneSectionOut,
    SpatialBlockKFold,
    Splitter,
)
from histobridge.translation.base import GENES
from histobridge.translation.target import LogCP10k

if TYPE_CHECKING:
    from anndata import AnnData

CEILING = "noise_ceiling"
PROTOCOLS = ("patients", "sections", "blocks")
METRICS = (
    "pearson_gene",
    "pearson_gene_top50",
    "pearson_gene_partial",
    "pearson_spot",
    "pearson_spot_centred",
    "pearson_pooled",
    "mse_skill",
)


class Translation(Problem):
    """Predict the expression of test spots; genes are chosen on training spots.

    Parameters
    ----------
    genes
        How many of the most variable genes of the training spots, or names.
    """

    task = "translation"
    headline = ("pearson_gene", "pearson_gene_top50", "pearson_gene_partial")
    scores = SCORES

    def __init__(self, adata: AnnData, *, genes: int | Sequence[str] = GENES):
        super().__init__(adata)
        self.genes = [genes] if isinstance(genes, str) else genes
        self.blocks: np.ndarray | None = None

    def folds(self, splitter: Splitter | None, protocol: str) -> list[Fold]:
        """Folds of a splitter with the genes of their training spots."""
        if splitter is None:
            raise ContractError("a splitter", "None")
        folds = []
        for split in splitter.splits(self.adata):
            train = split.train[self.full[split.train]]
            test = split.test[self.full[split.test]]
            if not len(test):  # A section that was imaged only has no truth.
                continue
            target = LogCP10k().fit(self.adata, self.genes, train)
            genes = tuple(target.genes_)
            folds.append(Fold(protocol, split.name, train, test, genes, split.facts))
        if not folds:
            raise ContractError("a split with counts of test spots", "none")
        return folds

    def answer(self, model: Any, fold: Fold, needs: Sequence[str]) -> np.ndarray:
        """Predictions (n_test, genes)."""
        known = training_view(self.adata, fold.train, needs)
        model.fit(known, list(fold.genes), fold.train)
        return model.predict(withheld_view(self.adata, fold.test, needs), fold.test)

    def parts(self, fold: Fold, answer: np.ndarray) -> Iterator[Part]:
        """Test spots by section; sections of fewer than five spots say nothing."""
        target = LogCP10k().fit(self.adata, list(fold.genes), fold.train)
        truth = target.transform(self.adata, fold.test)
        mean = target.transform(self.adata, fold.train).mean(axis=0)
        depth = contract.depth(self.adata)[fold.test]
        points = graphs.positions_microns(self.adata)[fold.test]
        for section, p in large_sections(self.adata, fold.test).items():
            content = Section(answer[p], truth[p], mean, depth[p], points[p])
            yield Part(section, fold.test[p], content)

    def weights(self, part: Part, replicates: int) -> np.ndarray:
        """Spatial blocks of a section, drawn the same for every system."""
        if self.blocks is None:
            self.blocks = SpatialBlockKFold().blocks(self.adata)
        rng = np.random.default_rng([0, int(part.spots[0])])
        return block_weights(self.blocks[part.spots], replicates, rng)

    def replicates(
        self, part: Part, weights: np.ndarray, names: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Score under each row of ``weights``."""
        return replicates(part.content, weights, names)

    def ceiling(self, fold: Fold) -> list[Scored]:
        """What counting noise allows at best, written as a system's scores.

        Nothing for fractional counts, of which nobody knows.
        """
        parts = []
        columns = self.adata.var_names.get_indexer(list(fold.genes))
        for section, p in large_sections(self.adata, fold.test).items():
            spots = fold.test[p]
            counts = sp.csr_matrix(contract.counts(self.adata))[spots]
            best = metrics.noise_ceiling(counts, columns)
            if np.isnan(best).any():
                return []
            values = {"pearson_gene": best, "pearson_gene_top50": best[:TOP]}
            parts.append(
                {
                    "section": section,
                    "patient": self.patient(int(spots[0])),
                    "n": len(spots),
                    "scores": {name: float(v.mean()) for name, v in values.items()},
                    "replicates": {},
                }
            )
        cost = {"wall_s": 0.0, "peak_rss": 0.0}
        return [Scored(CEILING, "bound", fold, 0, {"cost": cost, "parts": parts})]


def large_sections(adata: AnnData, spots: np.ndarray) -> dict[str, np.ndarray]:
    """Section -> which of ``spots``; five at least, unless there are none such."""
    names = contract.section_names(adata).to_numpy()[spots]
    parts = {name: np.flatnonzero(names == name) for name in dict.fromkeys(names)}
    return {name: p for name, p in parts.items() if len(p) >= 5} or parts


def benchmark_translation(
    adata: AnnData,
    systems: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    *,
    protocols: Sequence[str] = ("patients", "blocks"),
    splitter: Splitter | Mapping[str, Splitter] | None = None,
    genes: int | Sequence[str] = GENES,
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
    """Score systems under splits that do not leak, beside every baseline.

    Reads counts, positions, sections, patients and ``obsm["morphology"]``; writes
    nothing but ``folder``. Genes, normalisation and every parameter are fitted on
    training spots; test counts are withheld until ``predict`` has returned.

    Parameters
    ----------
    systems
        Names, or name -> parameters; default the house systems, ``all`` every
        published one as well. Baselines always run.
    protocols
        ``patients`` (leave one out; needs ``obs["patient"]``), ``sections``,
        ``blocks`` (spatial blocks with a buffer of patch + pitch).
    splitter
        Any splitter, or name -> splitter, in place of ``protocols``.
    genes
        How many of the most variable genes of the training spots, or names.
    dataset
        Name of the data in the table.
    n_bootstrap
        Resamples of spatial blocks (of patients where there are three or more).
    seed, seeds
        First seed of the systems and how many; the median is reported. A system
        whose first two runs agree exactly is run twice only.
    folder, workers, cluster, energy, progress
        See :func:`benchmark`.

    Returns
    -------
    Benchmark. Metrics: ``pearson_gene`` (headline: per gene within a section,
    averaged over genes, sections, patients), ``pearson_gene_top50`` (the 50 most
    variable of the training spots), ``pearson_gene_partial`` (depth removed),
    ``pearson_spot``, ``pearson_spot_centred``, ``pearson_pooled``, ``mse_skill``
    (1 - error relative to the training mean). The pseudo-system ``noise_ceiling``
    is the best that counting noise allows.

    Raises
    ------
    ContractError
        Unknown protocol or system; no patient column; no counts.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb()
    >>> hb.add_morphology(bulb, ["colour"], cache=False, progress=False)
    >>> scores = hb.benchmark_translation(
    ...     bulb, "ridge_plus", protocols="patients", genes=20, progress=False
    ... )
    >>> sorted(set(scores.table["fold"]))
    ['all', 'test animal A', 'test animal D']
    """
    problem = Translation(adata, genes=genes)
    asked = splitters(protocols, seed) if splitter is None else splitter
    named = asked if isinstance(asked, Mapping) else {"given folds": asked}
    folds = [f for name, one in named.items() for f in problem.folds(one, name)]
    scored = run(
        {dataset: problem},
        {dataset: folds},
        systems,
        METRICS,
        range(seed, seed + seeds),
        n_bootstrap=n_bootstrap,
        execution=Execution(folder, workers, cluster, energy, progress),
    )
    scored[dataset] += [s for fold in folds for s in problem.ceiling(fold)]
    settings = {"genes": genes, "protocols": list(named), "seed": seed}
    return finish(problem, dataset, scored[dataset], folds, settings)


def splitters(protocols: Sequence[str], seed: int) -> dict[str, Splitter]:
    """Splitter of every protocol.

    Raises
    ------
    ContractError
        Naming the protocols there are.
    """
    known = {
        "patients": LeaveOnePatientOut(),
        "sections": LeaveOneSectionOut(),
        "blocks": SpatialBlockKFold(seed=seed),
    }
    wanted = [protocols] if isinstance(protocols, str) else list(protocols)
    unknown = [p for p in wanted if p not in known]
    if unknown:
        raise ContractError("protocols", unknown, PROTOCOLS)
    return {p: known[p] for p in wanted}
