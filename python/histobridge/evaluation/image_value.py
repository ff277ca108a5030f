"""What does the image add? Arms with it, without it and with a false one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import keys, registry
from histobridge.contract import ContractError
from histobridge.evaluation import arms
from histobridge.evaluation.aggregate import Scored, Value, by_metric, summarised
from histobridge.evaluation.baselines.domains import genes_and_image
from histobridge.evaluation.execution import Execution
from histobridge.evaluation.metrics import LESS_IS_BETTER
from histobridge.evaluation.problem import Problem
from histobridge.evaluation.runner import Arm, problem_of, run
from histobridge.parallel import Progress
from histobridge.splits import LeaveOnePatientOut, SpatialBlockKFold, Splitter

if TYPE_CHECKING:
    from anndata import AnnData

COVARIATES = ("depth_scalar", "section_copy", "coordinates_knn")
ALONE = {
    "translation": {},
    "domains": {
        "image only": "image_mixture",
        "genes only": "pca_mixture",
        "coordinates only": "coordinates_kmeans",
    },
    "deconvolution": {"genes only": "nnls"},
}
"""Task -> arm -> baseline that knows one thing only."""

WITH = {"translation": "covariates and image"}
"""Arm whose image is in question; elsewhere ``image``."""

NULLS = ("permuted image", "shifted image")


def image_value(
    adata: AnnData,
    system: str | None = None,
    *,
    task: str = "translation",
    splitter: Splitter | None = None,
    covariates: Sequence[str] = COVARIATES,
    draws: int = 9,
    n_bootstrap: int = 500,
    seed: int = 0,
    folder: str | Path | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    progress: Progress = True,
    **settings: Any,
) -> pd.DataFrame:
    """Score a system with its image, without, and with false ones, in pairs.

    Translation asks what the image adds to measured covariates: predictions from
    sequencing depth, from sibling sections and from coordinates are stacked with
    and without that of the image. Domains and deconvolution ask what it adds to
    the genes. False images keep everything but their place: ``permuted`` within a
    section, ``shifted`` as a torus, which keeps the image as smooth as it was.

    Parameters
    ----------
    system
        A system that reads the image; default the house system (translation,
        deconvolution), or genes and image side by side with a mixture (domains).
    task
        ``translation``, ``domains`` or ``deconvolution``.
    splitter
        Default for translation: patients where there are two, else spatial blocks.
    covariates
        Translation systems that do not read the image.
    draws
        False images of each kind; p is a multiple of 1 / (draws + 1).
    n_bootstrap
        Resamples of blocks (patients where there are three; spots for
        deconvolution), the same in every arm.
    seed
        First seed of the systems (and of false images), and that of the default
        splitter.
    folder, workers, cluster, progress, settings
        See :func:`benchmark`.

    Returns
    -------
    One row per arm and headline metric: ``value`` with ``lower`` and ``upper``;
    ``added``, by how much the arm with the image is better (positive is better,
    whatever the metric), with ``added_lower`` and ``added_upper``; ``p`` of false
    images, the share of draws that do as well.

    Raises
    ------
    ContractError
        Unknown task or system; one that does not read the image; an object without
        ``obsm["morphology"]``.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(["Rep9"])
    >>> hb.add_morphology(bulb, ["colour"], cache=False, progress=False)
    >>> found = hb.evaluation.image_value(
    ...     bulb, genes=10, draws=1, n_bootstrap=20, progress=False
    ... )
    >>> found["arm"].iloc[0]
    'covariates and image'
    """
    if keys.MORPHOLOGY not in adata.obsm:
        raise ContractError(
            "image features (add_morphology)", "none", adata.obsm.keys()
        )
    if task not in ALONE:
        raise ContractError("a task", repr(task), ALONE)
    problem = problem_of(task, adata, settings)
    own = _system(system, task)
    folds = problem.folds(splitter or _splitter(task, adata, seed), "image value")
    true, false = _arms(task, own, covariates)
    execution = Execution(folder, workers, cluster, progress=progress)
    scored: list[Scored] = []
    for some, seeds in ((true, [seed]), (false, range(seed, seed + draws))):
        names = list(problem.headline)
        found = run(
            {"data": problem},
            {"data": folds},
            some,
            names,
            seeds,
            n_bootstrap=n_bootstrap,
            execution=execution,
        )
        scored += found["data"]
    return _table(problem, scored, WITH.get(task, "image"))


def _system(name: str | None, task: str) -> registry.System:
    if name is None and task == "domains":
        needs = ("counts", "coordinates", "image")
        return arms.arm("genes and image", genes_and_image, needs)
    house = {"translation": "ridge_plus", "deconvolution": "poisson_image"}
    found = registry.find(name or house[task], task)
    if "image" not in found.needs:
        raise ContractError(
            "a system that reads the image", f"{found.name}: {', '.join(found.needs)}"
        )
    return found


def _splitter(task: str, adata: AnnData, seed: int) -> Splitter | None:
    if task != "translation":
        return None
    if len(set(adata.obs.get(keys.PATIENT, []))) > 1:
        return LeaveOnePatientOut()
    return SpatialBlockKFold(seed=seed)


def _arms(
    task: str, system: registry.System, covariates: Sequence[str]
) -> tuple[list[Arm], list[Arm]]:
    """Arms with a true image or none, and arms with false ones."""

    def change(how: str) -> Arm:
        entry = arms.arm(how, arms.changed, system.needs)
        return entry, {"system": system, "params": {}, "how": how}

    alone: list[Arm] = [
        (_renamed(registry.find(name, task), label), {})
        for label, name in ALONE[task].items()
    ]
    image: Arm = (_renamed(system, "image"), {})
    if task != "translation":
        return [image, change("no image"), *alone], [change(how) for how in NULLS]
    blind: list[Arm] = [(registry.find(name, task), {}) for name in covariates]
    seeing = [entry.name for entry, _ in blind if "image" in entry.needs]
    if seeing or not blind:
        raise ContractError("covariates that do not read the image", f"{seeing}")

    def stack(label: str, *more: Arm) -> Arm:
        members = [*blind, *more]
        needs = dict.fromkeys(need for entry, _ in members for need in entry.needs)
        entry = arms.arm(label, arms.stacked, list(needs))
        return entry, {"members": members}

    true = [stack(WITH[task], image), stack("covariates"), image, *blind]
    return true, [stack(how, change(how)) for how in NULLS]


def _renamed(system: registry.System, name: str) -> registry.System:
    return registry.System(**{**vars(system), "name": name})


def _table(problem: Problem, scored: list[Scored], reference: str) -> pd.DataFrame:
    by_arm: dict[tuple[str, str], list[Value]] = {
        (system, metric): values
        for (system, _, _, metric), values in by_metric(
            scored, problem.headline[0]
        ).items()
        if metric in problem.headline
    }
    rows = []
    for (arm, metric), values in by_arm.items():
        sign = -1.0 if metric in LESS_IS_BETTER else 1.0
        whole = summarised(values)
        row: dict[str, Any] = {"arm": arm, "metric": metric}
        row |= {name: whole[name] for name in ("value", "lower", "upper")}
        if arm != reference:
            added = summarised(_difference(by_arm[reference, metric], values, sign))
            row |= {"added": added["value"], "added_lower": added["lower"]}
            row["added_upper"] = added["upper"]
        if arm in NULLS:
            best = sign * summarised(by_arm[reference, metric])["value"]
            row["p"] = _p(scored, arm, metric, sign, best)
        rows.append({**row, "n": whole["n"]})
    columns = ["arm", "metric", "value", "lower", "upper", "added", "added_lower"]
    return pd.DataFrame(rows, columns=[*columns, "added_upper", "p", "n"])


def _difference(ours: list[Value], theirs: list[Value], sign: float) -> list[Value]:
    """Values of one arm minus those of another, replicate by replicate."""
    return [
        Value(
            **{
                **vars(a),
                "value": sign * (a.value - b.value),
                "replicates": sign * (a.replicates - b.replicates),
            }
        )
        for a, b in zip(ours, theirs, strict=True)
    ]


def _p(scored: list[Scored], arm: str, metric: str, sign: float, best: float) -> float:
    """Share of false images that do as well as the true one."""
    draws: dict[int, list[Scored]] = {}
    for one in scored:
        if one.system == arm:
            draws.setdefault(one.seed, []).append(one)
    values = []
    for own in draws.values():
        found = by_metric(own, metric)
        mine = next(v for key, v in found.items() if key[3] == metric)
        values.append(sign * summarised(mine)["value"])
    return float((1 + np.sum(np.array(values) >= best - 1e-12)) / (1 + len(values)))
