"""One system's held-out predictions in detail: by gene, by spot, on the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import __version__, contract, graphs, registry, statistics
from histobridge.evaluation import metrics
from histobridge.evaluation.audit import audit
from histobridge.evaluation.problem import Fold
from histobridge.evaluation.translation import Translation, large_sections
from histobridge.normalisation import pearson_columns
from histobridge.splits import SpatialBlockKFold, Splitter
from histobridge.translation.base import GENES
from histobridge.translation.target import LogCP10k

if TYPE_CHECKING:
    from anndata import AnnData

SHOWN = ("best", "median", "worst")


@dataclass(frozen=True)
class HeldOut:
    """Scores of one system on spots it was not fitted on.

    Attributes
    ----------
    genes
        ``fold``, ``section``, ``gene``, ``pearson`` (within the section), ``moran``
        and ``expression`` of the measured gene.
    spots
        ``fold``, ``section``, ``spot``, ``distance_microns`` to the nearest training
        spot of the section (infinite where it has none), ``error`` and ``baseline``:
        squared error of the system and of the training mean.
    maps
        ``section``, ``gene``, ``rank`` (best, median, worst by Pearson over the
        held-out spots of all folds), ``x``, ``y``, ``measured``, ``predicted``.
    audit
        The flags a to n of every fold.
    settings
        System, parameters, splitter, seed, genes, version.
    """

    genes: pd.DataFrame
    spots: pd.DataFrame
    maps: pd.DataFrame
    audit: pd.DataFrame
    settings: dict[str, Any]

    def strata(self) -> pd.DataFrame:
        """Mean score by decile of Moran's I and expression, and of housekeeping."""
        mean = self.genes.groupby("gene")[["pearson", "moran", "expression"]].mean()
        values = (mean[name].to_numpy() for name in mean.columns)
        scores, moran, expression = values
        return metrics.by_stratum(scores, list(mean.index), moran, expression)


def hold_out(
    adata: AnnData,
    system: str = "ridge_plus",
    splitter: Splitter | None = None,
    *,
    genes: int | Sequence[str] = GENES,
    seed: int = 0,
    **params: Any,
) -> HeldOut:
    """Predict every test spot of a splitter with one translation system.

    Reads what the system reads; writes nothing. Everything is fitted on the training
    spots of each fold and test counts are withheld until ``predict`` has returned.

    Parameters
    ----------
    splitter
        Default spatial blocks with a buffer.
    genes
        How many of the most variable genes of the training spots, or names.
    seed
        Of the system and of the default splitter.
    **params
        Of the system.

    Raises
    ------
    ContractError
        Unknown system or parameter; whatever the system or the splitter needs.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.add_morphology(bulb, "colour", cache=False, progress=False)
    >>> found = hb.evaluation.hold_out(bulb, genes=20)
    >>> found.maps["rank"].unique().tolist()
    ['best', 'median', 'worst']
    """
    problem = Translation(adata, genes=genes)
    splitter = SpatialBlockKFold(seed=seed) if splitter is None else splitter
    entry = registry.find(system, "translation")
    parts: dict[str, list[pd.DataFrame]] = {"genes": [], "spots": []}
    guesses, truths = [], []
    folds = problem.folds(splitter, "")
    for known in folds:
        model = entry.create(seed=seed, **params)
        guess = problem.answer(model, known, entry.needs)
        train, test, chosen = known.train, known.test, list(known.genes)
        target = LogCP10k().fit(adata, chosen, train)
        truth = target.transform(adata, test)
        mean = target.transform(adata, train).mean(axis=0)
        fold = _Fold(adata, known.name, train, test, chosen)
        for name, rows in large_sections(adata, test).items():
            parts["genes"].append(fold.by_gene(name, rows, guess, truth))
            parts["spots"].append(fold.by_spot(name, rows, guess, truth, mean))
        guesses.append(pd.DataFrame(guess, adata.obs_names[test], chosen))
        truths.append(pd.DataFrame(truth, adata.obs_names[test], chosen))
    parts["maps"] = _maps(adata, guesses, truths)
    frames = {name: pd.concat(rows, ignore_index=True) for name, rows in parts.items()}
    settings = {
        "system": system,
        "params": params,
        "splitter": type(splitter).__name__,
        "seed": seed,
        "n_genes": len(guesses[0].columns),
        "folds": [known.name for known in folds],
        "version": __version__,
    }
    answers = zip(folds, guesses, truths, strict=True)
    audits = [_audited(adata, *answer) for answer in answers]
    frames["audit"] = pd.concat(audits, ignore_index=True)
    return HeldOut(**frames, settings=settings)


def _maps(
    adata: AnnData, guesses: list[pd.DataFrame], truths: list[pd.DataFrame]
) -> list[pd.DataFrame]:
    """Best, median and worst gene of every section, over the spots of all folds."""
    # Folds may have chosen other genes: only those of all folds have a whole map.
    guess, truth = (pd.concat(tables, join="inner") for tables in (guesses, truths))
    positions = adata.obs_names.get_indexer(guess.index)
    sections = contract.section_names(adata).to_numpy()[positions]
    points = graphs.positions_microns(adata)[positions]
    tables = []
    for section in dict.fromkeys(sections):
        rows = np.flatnonzero(sections == section)
        mine, measured = guess.to_numpy()[rows], truth.to_numpy()[rows]
        order = np.argsort(-pearson_columns(mine, measured), kind="stable")
        places = (0, len(order) // 2, len(order) - 1)
        for rank, gene in zip(SHOWN, order[list(places)], strict=True):
            facts = {"section": section, "gene": guess.columns[gene], "rank": rank}
            facts |= {"x": points[rows, 0], "y": points[rows, 1]}
            facts |= {"measured": measured[:, gene], "predicted": mine[:, gene]}
            tables.append(pd.DataFrame(facts))
    return tables


def _audited(
    adata: AnnData, fold: Fold, guess: pd.DataFrame, truth: pd.DataFrame
) -> pd.DataFrame:
    """Flags of one fold, given which spots this function let be seen."""
    train = fold.train
    steps = ("training", "normalisation", "checkpoint")
    seen = dict.fromkeys(steps, train) | {"validation": train[:0]}
    split = (train, fold.test)
    found = audit(adata, [split], [guess], truth=truth, fitted_on=seen)
    return found.assign(split=fold.name)


@dataclass(frozen=True)
class _Fold:
    """One fold and the tables that come of its predictions."""

    adata: AnnData
    name: str
    train: np.ndarray
    test: np.ndarray
    names: list[str]

    def _points(self, rows: np.ndarray) -> np.ndarray:
        return graphs.positions_microns(self.adata)[self.test[rows]]

    def by_gene(
        self, section: str, rows: np.ndarray, guess: np.ndarray, truth: np.ndarray
    ) -> pd.DataFrame:
        points = self._points(rows)
        graph = graphs.knn_graph(points, np.zeros(len(points)), 6)
        weights = statistics.row_standardised(graph)
        facts: dict[str, Any] = {"fold": self.name, "section": section}
        facts["gene"] = self.names
        facts["pearson"] = pearson_columns(guess[rows], truth[rows])
        facts["moran"] = statistics.morans_i(truth[rows], weights)
        return pd.DataFrame(facts | {"expression": truth[rows].mean(axis=0)})

    def by_spot(
        self,
        section: str,
        rows: np.ndarray,
        guess: np.ndarray,
        truth: np.ndarray,
        mean: np.ndarray,
    ) -> pd.DataFrame:
        sections = contract.section_names(self.adata).to_numpy()
        mine = self.train[sections[self.train] == section]
        distance = np.full(len(rows), np.inf)
        if len(mine):
            known = graphs.positions_microns(self.adata)[mine]
            distance = graphs.nearest(known, 1, self._points(rows))[0][:, 0]
        facts: dict[str, Any] = {"fold": self.name, "section": section}
        facts["spot"] = self.adata.obs_names[self.test[rows]]
        facts["distance_microns"] = distance
        facts["error"] = ((guess[rows] - truth[rows]) ** 2).sum(axis=1)
        facts["baseline"] = ((truth[rows] - mean) ** 2).sum(axis=1)
        return pd.DataFrame(facts)
