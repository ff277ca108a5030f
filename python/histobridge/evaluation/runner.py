"""The general runner: systems x data x splits x seeds -> one tidy table.

Every job is named by the hash of all that goes into it, and its rows are stored
under that name: a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import functools
import json
import os
import time
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import __version__, contract, graphs, keys, registry
from histobridge.contract import ContractError
from histobridge.evaluation.result import peak_mb
from histobridge.evaluation.scores import SCORES, Score, Section
from histobridge.evaluation.views import training_view, withheld_view
from histobridge.splits import Splitter
from histobridge.translation.base import GENES
from histobridge.translation.target import LogCP10k

if TYPE_CHECKING:
    from anndata import AnnData

COLUMNS = (
    "dataset",
    "system",
    "version",
    "fold",
    "seed",
    "metric",
    "value",
    "wall_s",
    "peak_rss",
    "energy_kwh",
    "config",
)
WATTS_PER_CORE = 4.0
"""Assumed draw of a busy core: ``energy_kwh`` is an estimate, never measured."""


@dataclass(frozen=True)
class _Job:
    dataset: str
    adata: AnnData
    fold: str
    train: np.ndarray
    test: np.ndarray
    system: registry.System
    params: dict[str, Any]
    seed: int
    genes: int | list[str]
    scores: dict[str, Score]
    config: str


def benchmark(
    systems: Sequence[str] | Mapping[str, Mapping[str, Any]] | str | None,
    data: AnnData | Mapping[str, AnnData],
    splitter: Splitter,
    metrics: Sequence[str] | Mapping[str, Score] | None = None,
    seeds: Sequence[int] = (0,),
    *,
    genes: int | Sequence[str] = GENES,
    folder: str | Path | None = None,
    n_jobs: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Score translation systems under any splitter, beside every baseline.

    Reads counts, positions, sections, patients and ``obsm["morphology"]``; writes
    nothing but ``folder``. Genes and normalisation are fitted on training spots;
    test counts are withheld until ``predict`` has returned.

    Parameters
    ----------
    systems
        Names, or name -> parameters; default all. Baselines always run.
    data
        One object, or name -> object.
    splitter
        Its ``splits`` are the folds.
    metrics
        Names among ``scores.SCORES`` (default all), or name -> function of a
        ``scores.Section``. A value is the mean over the sections of a fold.
    seeds
        Of the systems.
    genes
        How many of the most variable genes of the training spots, or names.
    folder
        Where finished jobs are kept and looked for; default nowhere.
    n_jobs
        As in joblib; ``joblib.parallel_config`` moves the run to another backend.

    Returns
    -------
    Table with columns ``COLUMNS``: ``wall_s`` seconds of fit and predict,
    ``peak_rss`` MB of the process so far, ``energy_kwh`` estimated from CPU seconds,
    ``config`` the content address of the job.

    Raises
    ------
    ContractError
        Unknown system, parameter or metric; whatever the splitter needs.
    """
    from tqdm.auto import tqdm

    named = data if isinstance(data, Mapping) else {"data": data}
    scores = _scores(metrics)
    chosen = [genes] if isinstance(genes, str) else genes
    chosen = int(genes) if isinstance(genes, int | np.integer) else list(chosen)
    jobs = [
        job
        for name, adata in named.items()
        for job in _jobs(name, adata, systems, splitter, scores, seeds, chosen)
    ]
    store = None if folder is None else Path(folder)
    if store is not None:
        store.mkdir(parents=True, exist_ok=True)
    bar = tqdm(jobs, desc="benchmark", disable=not progress, leave=False)
    rows = joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(_run)(j, store) for j in bar)
    return pd.DataFrame([row for part in rows for row in part], columns=list(COLUMNS))


def _scores(wanted: Sequence[str] | Mapping[str, Score] | None) -> dict[str, Score]:
    if isinstance(wanted, Mapping):
        return dict(wanted)
    names = list(SCORES) if wanted is None else wanted
    names = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in names if name not in SCORES]
    if unknown:
        raise ContractError("metrics", unknown, SCORES)
    return {name: SCORES[name] for name in names}


def _jobs(
    name: str,
    adata: AnnData,
    systems: Sequence[str] | Mapping[str, Mapping[str, Any]] | str | None,
    splitter: Splitter,
    scores: dict[str, Score],
    seeds: Sequence[int],
    genes: int | list[str],
) -> list[_Job]:
    contract.unique_names(adata)
    params = dict(systems) if isinstance(systems, Mapping) else {}
    asked = list(systems) if isinstance(systems, Mapping) else systems
    entries = registry.chosen("translation", asked, adata)
    full = ~contract.empty_spots(adata)
    content = _content(adata)
    jobs = []
    for split in splitter.splits(adata):
        train, test = split.train[full[split.train]], split.test[full[split.test]]
        for entry in entries:
            for seed in seeds:
                own = dict(params.get(entry.name, {}))
                facts = [content, train, test, entry.name, own, int(seed), genes]
                facts += [_package(), _code(entry.build), list(scores)]
                facts += [_code(score) for score in scores.values()]
                config = joblib.hash(facts)
                job = (name, adata, split.name, train, test, entry, own, int(seed))
                jobs.append(_Job(*job, genes, scores, config))
    return jobs


def _content(adata: AnnData) -> str:
    """Hash of all that a system or a score may read."""
    counts = sp.csr_matrix(contract.counts(adata)).copy()
    counts.sort_indices()
    parts: list[Any] = [counts.indptr, counts.indices, counts.data.astype(float)]
    parts += [list(adata.obs_names), list(adata.var_names)]
    parts += [list(contract.section_names(adata))]
    if keys.PATIENT in adata.obs:
        parts.append(list(adata.obs[keys.PATIENT].astype(str)))
    for key in (keys.SPATIAL, keys.MORPHOLOGY):
        if key in adata.obsm:
            parts.append(np.asarray(adata.obsm[key]))
    parts.append(adata.uns.get(keys.SETTINGS, {}))
    parts.append(
        {
            name: {k: library.get(k) for k in (keys.SCALE_FACTORS, keys.IMAGES)}
            for name, library in adata.uns.get(keys.SPATIAL, {}).items()
        }
    )
    return joblib.hash(parts)


@functools.cache
def _package() -> str:
    """Hash of the package's own code: other code makes another job."""
    home = Path(__file__).parents[1]
    return joblib.hash([p.read_text() for p in sorted(home.rglob("*.py"))])


def _code(function: Any) -> Any:
    """What a function does, the same in every process; its name where unknown."""
    code = getattr(function, "__code__", None)
    if code is None:
        return getattr(function, "__qualname__", type(function).__qualname__)
    cells = [c.cell_contents for c in function.__closure__ or ()]
    bound = [*(function.__defaults__ or ()), *cells]
    return [_body(code), [_code(b) if callable(b) else b for b in bound]]


def _body(code: types.CodeType) -> list[Any]:
    # The text of a nested function holds its address: go into it instead.
    nested = [_body(c) if isinstance(c, types.CodeType) else c for c in code.co_consts]
    return [code.co_code, code.co_names, nested]


def _run(job: _Job, store: Path | None) -> list[dict[str, Any]]:
    """Rows of one job, read where it is done, else computed and stored."""
    path = None if store is None else store / f"{job.config}.json"
    facts = {"dataset": job.dataset, "fold": job.fold}
    if path is not None and path.exists():
        return [{**row, **facts} for row in json.loads(path.read_text())]
    rows = _score(job)
    if path is not None:
        # Renaming is atomic: a file under its name is whole, whenever we are killed.
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(rows))
        part.replace(path)
    return rows


def _score(job: _Job) -> list[dict[str, Any]]:
    adata, train, test = job.adata, job.train, job.test
    target = LogCP10k().fit(adata, job.genes, train)
    started, busy = time.perf_counter(), time.process_time()
    model = job.system.create(**{"seed": job.seed, **job.params})
    model.fit(training_view(adata, train, job.system.needs), target.genes_, train)
    guess = model.predict(withheld_view(adata, test, job.system.needs), test)
    wall, busy = time.perf_counter() - started, time.process_time() - busy
    cost = {
        "wall_s": wall,
        "peak_rss": peak_mb(),
        "energy_kwh": busy * WATTS_PER_CORE / 3.6e6,
        "config": job.config,
    }
    facts = {
        "dataset": job.dataset,
        "system": job.system.name,
        "version": __version__,
        "fold": job.fold,
        "seed": job.seed,
    }
    parts = _sections(job, np.asarray(guess), target)
    return [
        {
            **facts,
            "metric": name,
            "value": float(np.mean([score(part) for part in parts])),
            **cost,
        }
        for name, score in job.scores.items()
    ]


def _sections(job: _Job, guess: np.ndarray, target: LogCP10k) -> list[Section]:
    """Test spots by section; sections of fewer than five spots say nothing."""
    truth = target.transform(job.adata, job.test)
    mean = target.transform(job.adata, job.train).mean(axis=0)
    depth = contract.depth(job.adata)[job.test]
    points = graphs.positions_um(job.adata)[job.test]
    codes = graphs.section_codes(job.adata)[job.test]
    parts = [codes == code for code in np.unique(codes)]
    large = [p for p in parts if p.sum() >= 5] or parts
    return [Section(guess[p], truth[p], mean, depth[p], points[p]) for p in large]
