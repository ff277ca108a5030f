"""The verb that explains a translation and tests the explanation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import contract, registry
from histobridge.contract import ContractError
from histobridge.explain import biology, judge
from histobridge.explain.features import FeatureProbe
from histobridge.explain.linear import contributions, linear_members
from histobridge.explain.probe import Probe
from histobridge.explain.randomisation import randomised
from histobridge.explain.result import Explanation
from histobridge.explain.segments import nuclei
from histobridge.explain.target import Target, find_target
from histobridge.images.features import morphology_columns

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.translation.base import Translator

TASK = "explanation"
RANDOMISED, COMPARED = 2, 12
"""Randomised models, and spots whose maps are compared with theirs."""


def explain_translation(
    model: Translator,
    adata: AnnData,
    gene: str | Sequence[str] | None = None,
    *,
    component: int | None = None,
    methods: str | Sequence[str] | None = None,
    spots: int | Sequence[str] = 24,
    units: str = "superpixels",
    n_units: int = 36,
    steps: int = 8,
    regions: str | None = None,
    seed: int = 0,
) -> Explanation:
    """Explain a prediction in the pixels of single spots, and test the explanation.

    Reads what the model reads, the images of ``uns["spatial"]`` and, for the check
    by region, one column of ``obs``; writes nothing. A spot's own patch is explained
    while all else that the model sees stays. Every map is delivered with its tests:
    deletion, insertion and ROAD against random order, a centre prior and an edge
    map (paired Wilcoxon tests over spots, false discovery rate over all); maps of
    the model with shuffled weights; enrichment in nuclei and regions.

    Parameters
    ----------
    model
        Made by ``train_translation`` or ``load_model``.
    adata
        Spots to explain, best of sections that the model was not trained on.
    gene
        A gene, or several whose mean is explained.
    component
        Instead of genes a principal component of the predictions, from 1.
    methods
        Names from ``histobridge.list_systems("explanation")``; all that apply to the
        model by default.
    spots
        Names of the spots, or how many, taken at random. Ten or more give the
        tests power.
    units, n_units
        What is removed as one, ``superpixels`` or ``nuclei`` (with superpixels
        between them), and how many superpixels.
    steps
        Of every curve.
    regions
        Column of ``obs`` whose classes are checked for evidence.
    seed
        Of chosen spots, random orders, imputation noise and shuffled weights.

    Returns
    -------
    :class:`~histobridge.explain.Explanation`; ``verdict`` says which maps failed.

    Raises
    ------
    ContractError
        Unknown gene, component, spots, units or method; a method that does not
        apply to the model, naming those that do; no image; image features that were
        not made from it.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.add_morphology(bulb, "colour", cache=False, progress=False)
    >>> model = hb.train_translation(bulb, "hest_ridge", genes=["Penk", "Th"])
    >>> found = hb.explain_translation(model, bulb, "Penk", spots=6, n_units=9)
    >>> found.maps["occlusion"].shape
    (6, 109, 109)
    """
    contract.unique_names(adata)
    if not hasattr(model, "genes_"):
        raise ContractError("a fitted translator", type(model).__name__)
    for name, value, least in (("n_units", n_units, 1), ("steps", steps, 2)):
        if value < least:
            raise ContractError(f"{name} of at least {least}", f"{value}")
    target = find_target(model, adata, gene, component)
    chosen = _chosen_spots(adata, spots, seed)
    probe = find_probe(model, adata, chosen, target)
    probe.units, probe.count = units, int(n_units)
    entries = applicable(probe, model, methods)
    tools = {entry.name: entry.create(seed=seed) for entry in entries}
    maps = {name: tool.maps(probe) for name, tool in tools.items()}
    tests, curves = judge.judge(probe, maps, int(steps), seed)
    shuffled = _shuffled_maps(model, adata, chosen, target, probe, tools, seed)
    tests = _stacked(
        tests,
        judge.compare_randomised(maps, shuffled),
        _biology(probe, maps, adata, chosen, regions, seed),
    )
    settings: dict[str, Any] = {
        "verb": "explain_translation",
        "system": _system_of(model),
        "target": target.name,
        "units": units,
        "n_units": n_units,
        "steps": steps,
        "seed": seed,
    }
    return Explanation(
        maps={name: m.astype(np.float32) for name, m in maps.items()},
        patches=probe.patches,
        spots=_spot_table(adata, chosen, probe),
        tests=tests,
        verdict=judge.verdicts(tests, maps),
        curves=curves,
        contributions=_contributions(model, adata, chosen, target),
        target=target.name,
        microns=float(probe.microns),
        settings=settings,
    )


def find_probe(
    model: Translator, adata: AnnData, spots: np.ndarray, target: Target
) -> Probe:
    """Probe of a model: of its network where that reads pixels, else of features."""
    from histobridge.translation.neural import NeuralTranslator

    if isinstance(model, NeuralTranslator) and model.inputs.patch is not None:
        from histobridge.explain.networks import NetworkProbe

        return NetworkProbe(model, adata, spots, target)
    morphology_columns(adata)  # Which says what to do where there are none.
    return FeatureProbe(model, adata, spots, target)


def applicable(
    probe: Probe, model: Translator, methods: str | Sequence[str] | None
) -> list[registry.System]:
    """Registered methods that apply, or those asked for.

    Raises
    ------
    ContractError
        A method that does not apply to the model, naming those that do.
    """
    names = list(registry.list_systems(TASK)["name"])
    able = [n for n in names if set(registry.find(n, TASK).needs) <= probe.offers]
    if methods is None:
        return [registry.find(name, TASK) for name in able]
    wanted = [methods] if isinstance(methods, str) else list(methods)
    if not wanted:
        raise ContractError("at least one method", "none", able)
    for name in wanted:
        lacking = sorted(set(registry.find(name, TASK).needs) - probe.offers)
        if lacking:
            if lacking == ["captum"]:
                lacking = ["captum: pip install 'histobridge[explain]'"]
            raise ContractError(
                f"a method that applies to {_system_of(model)!r}",
                f"{name!r}, which needs {' and '.join(lacking)}",
                able,
            )
    return [registry.find(name, TASK) for name in wanted]


def _system_of(model: Translator) -> str:
    return model.settings_.get("system", type(model).__name__)


def _stacked(*tests: pd.DataFrame) -> pd.DataFrame:
    # A column without values has no type that others could take.
    parts = [part.dropna(axis=1, how="all") for part in tests]
    return pd.concat(parts, ignore_index=True)[judge.COLUMNS]


def _spot_table(adata: AnnData, spots: np.ndarray, probe: Probe) -> pd.DataFrame:
    """What the model says of every explained spot, and of it without its patch."""
    return pd.DataFrame(
        {
            "spot": adata.obs_names[spots].astype(str),
            "section": contract.section_names(adata).to_numpy()[spots],
            "prediction": probe.prediction,
            "baseline": probe.baseline,
        }
    )


def _chosen_spots(adata: AnnData, spots: int | Sequence[str], seed: int) -> np.ndarray:
    if isinstance(spots, int | np.integer):
        if spots < 1:
            raise ContractError("at least one spot", f"{spots}")
        count = min(int(spots), adata.n_obs)
        rng = np.random.default_rng(seed)
        return np.sort(rng.choice(adata.n_obs, count, replace=False))
    names = [spots] if isinstance(spots, str) else list(spots)
    place = adata.obs_names.get_indexer(names)
    if (place < 0).any() or not len(place):
        absent = [n for n, i in zip(names, place, strict=True) if i < 0]
        raise ContractError("names of spots", absent, adata.obs_names)
    return place


def _shuffled_maps(
    model: Translator,
    adata: AnnData,
    spots: np.ndarray,
    target: Target,
    probe: Probe,
    tools: dict,
    seed: int,
) -> dict[str, list[np.ndarray]]:
    """Maps of models with shuffled weights, of the first spots."""
    found: dict[str, list[np.ndarray]] = {}
    for draw in range(RANDOMISED):
        other = randomised(model, seed + draw)
        if other is None:
            break
        shuffled = find_probe(other, adata, spots[:COMPARED], target)
        shuffled.like(probe)
        for name, tool in tools.items():
            found.setdefault(name, []).append(tool.maps(shuffled))
    return found


def _biology(
    probe: Probe,
    maps: dict[str, np.ndarray],
    adata: AnnData,
    spots: np.ndarray,
    regions: str | None,
    seed: int,
) -> pd.DataFrame:
    masks = np.stack([nuclei(patch, probe.um_per_px) for patch in probe.patches])
    rows = []
    for name, values in maps.items():
        found = biology.nuclear_enrichment(values, masks, seed)
        control = {"method": name, "control": "shifted masks"}
        rows.append(control | {"test": "nuclei"} | found)
        if regions is not None:
            column = contract.obs_column(adata, regions, "regions").iloc[spots]
            sections = contract.section_names(adata).to_numpy()[spots]
            table = biology.region_enrichment(values, column, sections, seed)
            for row in table.to_dict("records"):
                test = {"test": f"region {row.pop('region')}"}
                rows.append(control | test | row | {"control": "shuffled regions"})
    return pd.DataFrame(rows).assign(fdr=np.nan)[judge.COLUMNS]


def _contributions(
    model: Translator, adata: AnnData, spots: np.ndarray, target: Target
) -> pd.DataFrame:
    if linear_members(model):
        return contributions(model, adata, spots, target.weights)
    columns = ["spot", "encoder", "feature", "neighbours", "value"]
    return pd.DataFrame(columns=columns)
