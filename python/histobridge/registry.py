"""The one registry: every system and baseline, by task and name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from histobridge import keys
from histobridge.contract import ContractError

if TYPE_CHECKING:
    from anndata import AnnData

TASKS = (
    "translation",
    "staining",
    "domains",
    "deconvolution",
    "resolution",
    "explanation",
)

_HOMES = (
    "histobridge.translation.systems",
    "histobridge.staining.systems",
    "histobridge.integration.systems",
    "histobridge.deconvolution.systems",
    "histobridge.resolution.systems",
    "histobridge.explain.methods",
    "histobridge.evaluation.baselines",
)


@dataclass(frozen=True)
class System:
    """One entry of the registry: a named factory of estimators and its facts."""

    name: str
    task: str
    build: Callable[..., Any]
    needs: tuple[str, ...]
    status: str
    paper: str
    summary: str
    evidence: str
    deviations: str
    module: str

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters that ``create`` takes."""
        return list(inspect.signature(self.build).parameters)

    def create(self, **params: Any) -> Any:
        """Build the estimator.

        Raises
        ------
        ContractError
            When the system has no such parameter, naming those it has.
        """
        known = self.parameters
        unknown = [name for name in params if name not in known]
        if unknown:
            raise ContractError(f"parameters of {self.name}", unknown, known)
        return self.build(**params)


_SYSTEMS: dict[tuple[str, str], System] = {}


def system(
    name: str,
    *,
    task: str,
    needs: tuple[str, ...],
    status: str = "published",
    paper: str = "",
    evidence: str = "",
    deviations: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated factory; its docstring's first line is the summary.

    Parameters
    ----------
    name, task
        What users type and where it belongs (one of ``TASKS``).
    needs
        What it reads: ``image``, ``encoder`` (features beyond colour),
        ``coordinates``, ``counts``, ``depth``, ``reference``. The
        benchmark runner withholds everything else. For an explanation what the
        model has to offer: ``gradients``, ``convolutions``, ``attention``,
        ``linear``; or a library.
    status
        ``house``, ``published`` or ``baseline``.
    paper, evidence
        Citation, and what is known about its scores.
    deviations
        What differs from the publication: corrections, substitutes.
    """
    if task not in TASKS:
        raise ValueError(f"expected task among {TASKS}; found {task!r}")

    def register(build: Callable[..., Any]) -> Callable[..., Any]:
        known = _SYSTEMS.get((task, name))
        if known is not None and known.module != build.__module__:
            raise ValueError(f"system {name!r} of task {task!r} is registered twice")
        summary = (build.__doc__ or "").strip().splitlines()
        _SYSTEMS[task, name] = System(
            name=name,
            task=task,
            build=build,
            needs=tuple(needs),
            status=status,
            paper=paper,
            summary=summary[0] if summary else "",
            evidence=evidence,
            deviations=deviations,
            module=build.__module__,
        )
        return build

    return register


def _load() -> None:
    for home in _HOMES:
        package = importlib.import_module(home)
        for found in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{home}.{found.name}")


def find(name: str, task: str) -> System:
    """Look a system up by name.

    Raises
    ------
    ContractError
        Naming the systems of that task.
    """
    _load()
    if (task, name) not in _SYSTEMS:
        known = sorted(n for t, n in _SYSTEMS if t == task)
        raise ContractError(f"the name of a {task} system", repr(name), known)
    return _SYSTEMS[task, name]


def chosen(
    task: str, names: Sequence[str] | str | None, adata: AnnData
) -> list[System]:
    """Return the systems of a benchmark, then its baselines.

    By default the house systems, with ``all`` every published one as well; baselines
    that need an image are left out where ``adata`` has no morphology.
    """
    _load()
    if isinstance(names, str):
        names = [names]
    every = names is not None and list(names) == ["all"]
    of_task = [s for (t, _), s in sorted(_SYSTEMS.items()) if t == task]
    if names is None or every:
        wanted = [s for s in of_task if s.status == "house"]
        wanted += [s for s in of_task if every and s.status == "published"]
    else:
        wanted = [find(name, task) for name in names]
    absent = set()
    if keys.MORPHOLOGY not in adata.obsm:
        absent |= {"image", "encoder"}
    settings = adata.uns.get(keys.SETTINGS, {}).get(keys.MORPHOLOGY, {})
    if set(settings.get("encoder", ["unknown"])) <= set(keys.HANDCRAFTED):
        absent.add("encoder")
    ladder = [
        s for s in of_task if s.status == "baseline" and absent.isdisjoint(s.needs)
    ]
    return wanted + [s for s in ladder if s not in wanted]


def list_systems(task: str | None = None) -> pd.DataFrame:
    """Table of systems: what each is, needs, and how it deviates from its paper.

    House defaults come first, then published systems, then baselines.

    Parameters
    ----------
    task
        One of ``TASKS``; default all.

    Returns
    -------
    One row per system: ``name``, ``task``, ``status``, ``needs``, ``paper``,
    ``summary``, ``evidence`` and ``deviations``.

    Examples
    --------
    >>> import histobridge as hb
    >>> table = hb.list_systems("deconvolution")
    >>> table["name"].iloc[0]
    'poisson_image'
    """
    _load()
    order = {"house": 0, "published": 1, "baseline": 2}
    rows = [
        {
            "name": s.name,
            "task": s.task,
            "status": s.status,
            "needs": ", ".join(s.needs),
            "paper": s.paper,
            "summary": s.summary,
            "evidence": s.evidence,
            "deviations": s.deviations,
        }
        for s in sorted(
            _SYSTEMS.values(),
            key=lambda s: (TASKS.index(s.task), order.get(s.status, 3), s.name),
        )
        if task is None or s.task == task
    ]
    return pd.DataFrame(rows)
