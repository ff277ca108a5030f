"""Runs of a system from several seeds, and what most of them find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge.integration.consensus import Vote, consensus
from histobridge.parallel import Progress, run_each, workers_of

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.registry import System

RUNS = 10
FEW_SPOTS = 5000
"""A Visium slide; of more spots, ten runs would take longer than people wait."""


@dataclass(frozen=True)
class Run:
    """One run of a system.

    Attributes
    ----------
    labels
        (n_spots,) from 0.
    embedding
        (n_spots, d), of systems that have one.
    facts
        What the verb records besides its settings.
    """

    labels: np.ndarray
    embedding: np.ndarray | None
    facts: dict[str, Any]


def usual_runs(n_spots: int) -> int:
    """Runs where nobody says how many: ten, of more than a slide one."""
    return RUNS if n_spots <= FEW_SPOTS else 1


def several_runs(
    entry: System,
    adata: AnnData,
    k: int | None,
    seed: int,
    seeds: int,
    params: Mapping[str, Any],
    *,
    workers: int | None = None,
    progress: Progress = True,
) -> tuple[Run, Vote, int]:
    """Run a system from several seeds.

    Parameters
    ----------
    k
        Domains; where ``None``, the first run chooses for all.
    seed
        Of the first run; those of the others are drawn from it, so that ensembles of
        neighbouring seeds share no member.
    seeds
        Runs; where the first two agree exactly nothing is random, and they suffice.
    workers, progress
        Of the runs after the second.

    Returns
    -------
    The first run, the vote of all, and how many there were.
    """
    first = one_run(entry, adata, k, seed, params)
    labels = [first.labels]
    k = k or len(np.unique(first.labels))
    more = [int(s) for s in np.random.SeedSequence(seed).generate_state(seeds - 1)]
    calls = [(entry, adata, k, other, params) for other in more]
    if calls:
        labels.append(_labels(*calls[0]))
        if np.array_equal(labels[0], labels[1]):
            calls = []
    with workers_of(workers, None):
        labels += run_each(_labels, calls[1:], progress, entry.name, done=len(labels))
    return first, consensus(labels), len(labels)


def one_run(
    entry: System, adata: AnnData, k: int | None, seed: int, params: Mapping[str, Any]
) -> Run:
    """Create a system, fit it, and label every spot."""
    model = entry.create(seed=seed, **params)
    found = np.unique(model.fit_predict(adata, k), return_inverse=True)[1]
    facts = dict(getattr(model, "facts_", {}))
    return Run(found.ravel(), getattr(model, "embedding_", None), facts)


def _labels(*call: Any) -> np.ndarray:
    return one_run(*call).labels
