"""Jobs: one system on one fold with one seed, named by the hash of all it is.

A finished job is a file of that name; a run that was killed goes on where it
stopped, and nothing that has changed is ever read.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from histobridge import registry
from histobridge.evaluation.cost import Energy, Meter
from histobridge.evaluation.problem import Fold, Problem, Score

Record = dict[str, Any]
"""``cost``, ``digest`` and ``kept`` of the answer, and its scored ``parts``."""


@dataclass(frozen=True)
class Job:
    """What one worker does at a time; the data come beside it.

    ``scores`` names scores of the problem, or holds (not None) the caller's own.
    """

    dataset: str
    fold: Fold
    system: registry.System
    params: dict[str, Any]
    seed: int
    scores: dict[str, Score | None]
    n_bootstrap: int
    energy: Energy
    config: str = ""


def addressed(job: Job, problem: Problem, content: str) -> Job:
    """The job with ``config``, its address; ``content`` is that of the problem."""
    fold = job.fold
    facts: list[Any] = [content, fold.train, fold.test, fold.genes]
    facts += [job.system.name, job.system.needs, _known(job.params), job.seed]
    facts += [job.n_bootstrap, job.energy, _package(), _code(job.system.build)]
    scores = {name: own or problem.scores[name] for name, own in job.scores.items()}
    facts += [list(scores), [_code(score) for score in scores.values()]]
    return Job(**{**vars(job), "config": joblib.hash(facts)})


def perform(job: Job, problem: Problem, store: Path | None) -> Record:
    """Record of a job, read where it is done, else computed and stored."""
    path = None if store is None else store / f"{job.config}.json"
    if path is not None and path.exists():
        # What a full disk cut short is done again.
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(path.read_text())
    # A job is the unit that is sent away: loops within it (scikit-learn's, too)
    # stay in its process, where they are metered and need no other worker.
    with joblib.parallel_config("threading", n_jobs=1):
        record = compute(job, problem)
    if path is not None:
        # Renaming is atomic: a file under its name is whole, whenever we are killed.
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(record))
        part.replace(path)
    return record


def compute(job: Job, problem: Problem) -> Record:
    """Fit and predict, then, and only then, look at the truth."""
    with Meter(job.energy) as meter:
        model = job.system.create(**{"seed": job.seed, **job.params})
        answer = np.asarray(problem.answer(model, job.fold, job.system.needs))
    kept, digest = problem.kept(answer), joblib.hash(answer)
    parts = scored_parts(problem, job.fold, answer, job.scores, job.n_bootstrap)
    return {"cost": meter.cost, "digest": digest, "kept": kept, "parts": parts}


def scored_parts(
    problem: Problem,
    fold: Fold,
    answer: np.ndarray,
    wanted: Mapping[str, Score | None],
    n_bootstrap: int,
) -> list[dict[str, Any]]:
    """Scores of an answer in every part, and their replicates."""
    scores = {name: own or problem.scores[name] for name, own in wanted.items()}
    named = [name for name, own in wanted.items() if own is None]
    parts = []
    for part in problem.parts(fold, answer):
        drawn: dict[str, np.ndarray] = {}
        if n_bootstrap:
            weights = problem.weights(part, n_bootstrap)
            drawn = problem.replicates(part, weights, named)
        parts.append(
            {
                "section": part.section,
                "patient": problem.patient(int(part.spots[0])),
                "n": len(part.spots),
                "scores": {
                    n: float(score(part.content)) for n, score in scores.items()
                },
                "replicates": {name: list(map(float, v)) for name, v in drawn.items()},
            }
        )
    return parts


@functools.cache
def _package() -> str:
    """Hash of the package's own code: other code makes another job."""
    home = Path(__file__).parents[1]
    return joblib.hash([p.read_text() for p in sorted(home.rglob("*.py"))])


def _known(value: Any) -> Any:
    """Parameters as what they are, systems and functions as what they do."""
    if isinstance(value, registry.System):
        return [value.name, value.needs, _code(value.build)]
    if isinstance(value, Mapping):
        return {key: _known(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_known(entry) for entry in value]
    return _code(value) if callable(value) else value


def _code(function: Any) -> Any:
    """What a function does, the same in every process; its name where unknown."""
    code = getattr(function, "__code__", None)
    if code is None:
        return getattr(function, "__qualname__", type(function).__qualname__)
    cells = [c.cell_contents for c in function.__closure__ or ()]
    bound = [*(function.__defaults__ or ()), *cells]
    return [_body(code), [_known(b) for b in bound]]


def _body(code: types.CodeType) -> list[Any]:
    # The text of a nested function holds its address: go into it instead.
    nested = [_body(c) if isinstance(c, types.CodeType) else c for c in code.co_consts]
    return [code.co_code, code.co_names, nested]
