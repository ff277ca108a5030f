"""Benchmark domain systems beside coordinates, genes and images alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import contract
from histobridge.evaluation import metrics
from histobridge.evaluation.aggregate import Scored
from histobridge.evaluation.cost import Energy
from histobridge.evaluation.execution import Execution
from histobridge.evaluation.jobs import scored_parts
from histobridge.evaluation.joint import (
    UNCORRECTED,
    Joint,
    joint_scores,
    packed,
    several,
    unpacked,
)
from histobridge.evaluation.problem import Fold, Part, Problem, Score
from histobridge.evaluation.result import Benchmark, block_weights
from histobridge.evaluation.runner import run
from histobridge.evaluation.tidy import finish
from histobridge.evaluation.views import declared_view
from histobridge.parallel import Progress
from histobridge.registry import System
from histobridge.splits import SpatialBlockKFold, Splitter
from histobridge.splits.base import whole

if TYPE_CHECKING:
    from anndata import AnnData

SEEDS = 10
PROTOCOL = "K given"


@dataclass(frozen=True)
class Labels:
    """Domains and labels (n,) of one section, and what was embedded with it."""

    guess: np.ndarray
    truth: np.ndarray
    joint: Joint | None = None


class Domains(Problem):
    """Find domains; spots without label or counts are left out beforehand.

    Parameters
    ----------
    truth
        ``obs`` column of labels.
    k
        Number of domains; default the number of labels among the spots of a fold.
    joint
        Embed and cluster all sections together, and score how they mix.
    """

    task = "domains"
    headline: tuple[str, ...] = ("ari", "nmi")
    scores: Mapping[str, Score] = {
        "ari": lambda s: metrics.adjusted_rand(s.truth, s.guess),
        "nmi": lambda s: metrics.normalised_mutual_information(s.truth, s.guess),
    }

    def __init__(
        self, adata: AnnData, *, truth: str, k: int | None = None, joint: bool = False
    ):
        super().__init__(adata)
        self.joint = joint
        if joint:
            several(contract.sections(adata))
            self.scores = {**self.scores, **joint_scores()}
            self.headline = (*self.headline, "ilisi", "clisi")
        labels = contract.labels(adata, truth, "domain labels")
        self.known = labels.astype(str).to_numpy()
        self.usable = labels.notna().to_numpy() & self.full
        self.k = None if k is None else whole(k, 1, "k")

    def folds(self, splitter: Splitter | None, protocol: str) -> list[Fold]:
        """Sections, or the test spots of a splitter; nothing is trained on.

        Where all spots have one label nothing is to be found: such a section would
        score 1 whatever the system, and is left out.
        """
        parts = contract.sections(self.adata)
        if self.joint:
            parts = {"all sections": np.arange(self.adata.n_obs)}
        folds = self.untrained_folds(parts, self.usable, splitter, protocol)
        return [f for f in folds if len(set(self.known[f.test])) > 1] or folds

    def answer(self, model: Any, fold: Fold, needs: Sequence[str]) -> np.ndarray:
        """Domain (n_test,) of every spot; beside its embedding where joint."""
        seen = declared_view(self.adata[fold.test], needs)
        k = self.k or len(set(self.known[fold.test]))
        found = np.asarray(model.fit_predict(seen, k))
        if not self.joint:
            return found
        return packed(found, getattr(model, "embedding_", None))

    def rungs(self) -> list[System]:
        """Sections as they are, where they are embedded together."""
        return [UNCORRECTED] if self.joint else []

    def parts(self, fold: Fold, answer: np.ndarray) -> Iterator[Part]:
        """Domains beside labels, by section."""
        names = contract.section_names(self.adata).to_numpy()[fold.test]
        domains, embedding = unpacked(answer)
        joint = None
        if embedding is not None and len(set(names)) > 1:
            joint = Joint(embedding, names, self.known[fold.test])
        for name in dict.fromkeys(names):
            mine = names == name
            spots = fold.test[mine]
            yield Part(name, spots, Labels(domains[mine], self.known[spots], joint))

    def weights(self, part: Part, replicates: int) -> np.ndarray:
        """Spatial blocks of a section, drawn the same for every system."""
        blocks = SpatialBlockKFold(buffer_microns=0.0).blocks(self.adata[part.spots])
        weights = block_weights(blocks, replicates, np.random.default_rng(0))
        # Sections of as many blocks would draw alike: their errors must not add up.
        order = np.random.default_rng(int(part.spots[0])).permutation(replicates)
        return weights[order]

    def replicates(
        self, part: Part, weights: np.ndarray, names: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Score under each row of ``weights``."""
        forms = {"ari": metrics.weighted_ari, "nmi": metrics.weighted_nmi}
        s = part.content
        return {n: forms[n](s.truth, s.guess, weights) for n in names if n in forms}

    def kept(self, answer: np.ndarray) -> list[int] | None:
        """Domains as numbers, for the consensus of the seeds."""
        return np.unique(unpacked(answer)[0], return_inverse=True)[1].ravel().tolist()

    def facts(self) -> list[Any]:
        """Labels and number of domains."""
        return [list(self.known), list(self.usable), self.k, self.joint]

    def consensus(self, runs: list[Scored], n_bootstrap: int) -> Scored:
        """Consensus of the runs of one system on one fold, scored as one answer."""
        from histobridge.integration.consensus import consensus

        labels = [np.asarray(run.record["kept"]) for run in runs]
        vote = consensus(labels).labels
        fold = runs[0].fold
        parts = scored_parts(self, fold, vote, {"ari": None}, n_bootstrap)
        for part in parts:
            for kind in ("scores", "replicates"):
                part[kind] = {f"{name}_consensus": v for name, v in part[kind].items()}
        record = {"cost": runs[0].record["cost"], "parts": parts}
        return Scored(runs[0].system, runs[0].status, fold, 0, record)


def benchmark_domains(
    adata: AnnData,
    truth: str,
    *,
    k: int | None = None,
    joint: bool = False,
    systems: Sequence[str] | Mapping[str, Mapping[str, Any]] | None = None,
    splitter: Splitter | None = None,
    seeds: int = SEEDS,
    dataset: str = "data",
    n_bootstrap: int = 500,
    folder: str | Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    energy: Energy = "estimate",
    progress: Progress = True,
) -> Benchmark:
    """Score domains of every section against labels.

    Reads what the systems read, and ``obs[truth]`` for scoring only: systems get an
    object without it. Spots without label or counts are left out before anything is
    fitted. Writes nothing but ``folder``.

    Parameters
    ----------
    truth
        ``obs`` column of labels.
    k
        Number of domains; default the number of labels in the section.
    joint
        Embed and cluster all sections together. Adds, from the one embedding,
        ``ilisi``, ``kbet`` and ``batch_silhouette`` (sections mixed within the labels
        they share), ``clisi`` and ``silhouette`` (labels apart), and as a baseline
        the components of sections as they are.
    systems
        Names, or name -> parameters; default the house systems, ``all`` every
        published one as well. Baselines always run.
    splitter
        Its test spots are clustered together, e.g. all sections of a patient;
        default every section by itself.
    seeds
        Runs per system; the median is reported. A system whose first two runs agree
        exactly is run twice only.
    dataset
        Name of the data in the table.
    n_bootstrap
        Resamples of spatial blocks.
    folder, workers, cluster, energy, progress
        See :func:`benchmark`.

    Returns
    -------
    Benchmark with metrics ``ari`` (headline) and ``nmi``, medians over seeds; bounds
    by resampling spatial blocks of the median run (patients too where there are
    three); ``ari_spread``, the range over seeds; ``ari_consensus`` of the vote of
    all seeds, where they differ.

    Raises
    ------
    ContractError
        Label column absent or with one class; whatever a system needs.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(["Rep9"])
    >>> scores = hb.benchmark_domains(
    ...     bulb, "layer", systems="gpca_consensus", seeds=2, progress=False
    ... )
    >>> scores.summary()["system"].iloc[0]
    'gpca_consensus'
    """
    problem = Domains(adata, truth=truth, k=k, joint=joint)
    folds = problem.folds(splitter, PROTOCOL)
    scored = run(
        {dataset: problem},
        {dataset: folds},
        systems,
        None,
        range(seeds),
        n_bootstrap=n_bootstrap,
        execution=Execution(folder, workers, cluster, energy, progress),
    )[dataset]
    scored += _consensus(problem, scored, n_bootstrap)
    settings = {"truth": truth, "k": k, "joint": joint, "seeds": seeds}
    return finish(problem, dataset, scored, folds, settings)


def _consensus(
    problem: Domains, scored: list[Scored], n_bootstrap: int
) -> list[Scored]:
    """Consensus on every fold, of systems whose runs differ on any."""
    runs: dict[tuple[str, str], list[Scored]] = {}
    for one in scored:
        runs.setdefault((one.system, one.fold.name), []).append(one)
    random = {
        system
        for (system, _), own in runs.items()
        if len({one.record["digest"] for one in own}) > 1
    }
    return [
        problem.consensus(own, n_bootstrap)
        for (system, _), own in runs.items()
        if system in random
    ]
