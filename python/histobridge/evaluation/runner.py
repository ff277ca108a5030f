"""The one runner: systems x data x splits x seeds -> one tidy table.

A task is a :class:`Problem`; what it computes for a system on a fold with a seed is
a job (``jobs.py``); joblib decides where jobs run (``parallel.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from histobridge import registry
from histobridge.contract import ContractError
from histobridge.evaluation import cost, jobs
from histobridge.evaluation.aggregate import Scored
from histobridge.evaluation.cost import Energy
from histobridge.evaluation.execution import Execution
from histobridge.evaluation.jobs import Job, Record
from histobridge.evaluation.problem import Fold, Problem, Score
from histobridge.evaluation.tidy import COLUMNS, tidy_rows
from histobridge.parallel import Progress, run_each, workers_of
from histobridge.splits import Splitter

if TYPE_CHECKING:
    from anndata import AnnData

Systems = Sequence[str] | Mapping[str, Mapping[str, Any]] | str | None
Arm = tuple[registry.System, dict[str, Any]]


def benchmark(
    systems: Systems,
    data: AnnData | Mapping[str, AnnData],
    splitter: Splitter | None = None,
    metrics: Sequence[str] | Mapping[str, Score] | None = None,
    seeds: Sequence[int] = (0,),
    *,
    task: str = "translation",
    folder: str | Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    energy: Energy = "estimate",
    progress: Progress = True,
    **settings: Any,
) -> pd.DataFrame:
    """Score systems of any task under any splitter, beside every baseline.

    Reads what the systems declare, and the truth for scoring only; writes nothing
    but ``folder``. What is fitted is fitted on training spots; the truth of test
    spots is withheld until the system has answered.

    Parameters
    ----------
    systems
        Names, or name -> parameters; default the house systems, ``all`` every
        published one as well. Baselines always run.
    data
        One object, or name -> object.
    splitter
        Its ``splits`` are the folds. Domains (default: every section by itself) and
        deconvolution (default: all spots at once) train on nothing: their systems
        run on the test spots of each split.
    metrics
        Names among the task's (default all), or name -> function of what the task
        scores, e.g. a ``scores.Section``. A value is the mean over the sections of
        a fold.
    seeds
        Of the systems. From the third on only systems run whose first two answers
        differ.
    task
        ``translation``, ``domains``, ``deconvolution`` or ``resolution``.
    folder
        Where finished jobs are kept and looked for; default nowhere. A run that was
        killed goes on from there.
    workers, cluster
        Processes on this machine, or the address of a Dask scheduler; default what
        ``joblib.parallel_config`` says.
    energy
        ``estimate`` (from CPU seconds) or ``codecarbon``.
    progress
        Whether to show a bar, or a function of (done, total).
    settings
        Of the task: ``genes`` (translation), ``truth``, ``k`` and ``joint`` (domains),
        ``reference``, ``truth`` and ``labels`` (deconvolution), those of
        ``benchmark_resolution``.

    Returns
    -------
    Table with columns ``COLUMNS``: ``wall_s`` and ``cpu_s`` seconds of fit and
    predict, ``peak_rss`` MB, ``energy_kwh``, which of these are ``measured`` and
    which ``estimated``, and ``config``, the content address of the job.

    Raises
    ------
    ContractError
        Unknown task, system, parameter or metric; whatever the splitter needs.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb()
    >>> scores = hb.evaluation.benchmark(
    ...     "train_mean", bulb, hb.evaluation.LeaveOnePatientOut(), ["mse_skill"],
    ...     genes=10, progress=False,
    ... )
    >>> set(scores["fold"]) == {"test animal A", "test animal D"}
    True
    """
    named = data if isinstance(data, Mapping) else {"data": data}
    problems = {name: problem_of(task, one, settings) for name, one in named.items()}
    folds = {name: one.folds(splitter, "") for name, one in problems.items()}
    scored = run(
        problems,
        folds,
        systems,
        metrics,
        seeds,
        n_bootstrap=0,
        execution=Execution(folder, workers, cluster, energy, progress),
    )
    rows = [
        r for name, found in scored.items() for s in found for r in tidy_rows(name, s)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def problem_of(task: str, adata: AnnData, settings: Mapping[str, Any]) -> Problem:
    """Problem of a task on one object.

    Raises
    ------
    ContractError
        Naming the tasks there are, or the settings of this one.
    """
    import inspect

    from histobridge.evaluation.deconvolution import Deconvolution
    from histobridge.evaluation.domains import Domains
    from histobridge.evaluation.resolution import Resolution
    from histobridge.evaluation.translation import Translation

    known = {p.task: p for p in (Translation, Domains, Deconvolution, Resolution)}
    if task not in known:
        raise ContractError("a task", repr(task), known)
    takes = [n for n in inspect.signature(known[task]).parameters if n != "adata"]
    unknown = [name for name in settings if name not in takes]
    if unknown:
        raise ContractError(f"settings of {task}", unknown, takes)
    return known[task](adata, **settings)


def run(
    problems: Mapping[str, Problem],
    folds: Mapping[str, Sequence[Fold]],
    systems: Systems | Sequence[Arm],
    metrics: Sequence[str] | Mapping[str, Score] | None,
    seeds: Iterable[int],
    *,
    n_bootstrap: int,
    execution: Execution,
) -> dict[str, list[Scored]]:
    """Scores of every system on every fold with every seed, by data set."""
    energy, progress = execution.energy, execution.progress
    cost.check_energy(energy)
    todo = [
        jobs.addressed(job, problem, content)
        for name, problem in problems.items()
        for content in [problem.address()]
        for job in _jobs(
            name, problem, folds[name], systems, metrics, seeds, n_bootstrap, energy
        )
    ]
    store = None if execution.folder is None else Path(execution.folder)
    if store is not None:
        store.mkdir(parents=True, exist_ok=True)
    early = list(dict.fromkeys(job.seed for job in todo))[:2]
    with workers_of(execution.workers, execution.cluster):
        done: dict[str, Record] = {}
        _perform([j for j in todo if j.seed in early], problems, store, progress, done)
        random = _random(todo, done)
        late = [j for j in todo if j.seed not in early and _arm(j) in random]
        _perform(late, problems, store, progress, done)
    found: dict[str, list[Scored]] = {name: [] for name in problems}
    for job in todo:
        if job.config in done:
            facts = (job.system.name, job.system.status, job.fold, job.seed)
            record = done[job.config]
            found[job.dataset].append(Scored(*facts, record, job.config))
    return found


def _jobs(
    dataset: str,
    problem: Problem,
    folds: Sequence[Fold],
    systems: Systems | Sequence[Arm],
    metrics: Sequence[str] | Mapping[str, Score] | None,
    seeds: Iterable[int],
    n_bootstrap: int,
    energy: Energy,
) -> list[Job]:
    scores = problem.chosen_scores(metrics)
    arms = _arms(systems, problem)
    more = (scores, n_bootstrap, energy)
    return [
        Job(dataset, fold, system, params, int(seed), *more)
        for fold in folds
        for system, params in arms
        for seed in seeds
    ]


def _arms(systems: Systems | Sequence[Arm], problem: Problem) -> list[Arm]:
    """Systems with their parameters; arms that are made already stay as they are."""
    if isinstance(systems, Sequence) and systems and isinstance(systems[0], tuple):
        return cast("list[Arm]", list(systems))
    params = systems if isinstance(systems, Mapping) else {}
    named = cast("Sequence[str] | str | None", systems)
    asked = list(systems) if isinstance(systems, Mapping) else named
    entries = problem.chosen(asked)
    return [(entry, dict(params.get(entry.name, {}))) for entry in entries]


def _perform(
    todo: list[Job],
    problems: Mapping[str, Problem],
    store: Path | None,
    progress: Progress,
    done: dict[str, Record],
) -> None:
    if not todo:
        return
    calls = [(job, problems[job.dataset], store) for job in todo]
    records = run_each(jobs.perform, calls, progress, problems[todo[0].dataset].task)
    done |= {job.config: r for job, r in zip(todo, records, strict=True)}


def _arm(job: Job) -> tuple[str, ...]:
    return job.dataset, job.fold.protocol, job.fold.name, job.system.name


def _random(todo: list[Job], done: dict[str, Record]) -> set[tuple[str, ...]]:
    """Systems and folds whose answers differ between seeds."""
    answers: dict[tuple[str, ...], set[str]] = {}
    for job in todo:
        if job.config in done:
            answers.setdefault(_arm(job), set()).add(done[job.config]["digest"])
    return {arm for arm, digests in answers.items() if len(digests) > 1}
