"""The tests of every map, and what follows from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from histobridge.explain import controls
from histobridge.explain.faithfulness import METRICS, areas, curves, orders
from histobridge.explain.probe import Probe
from histobridge.explain.randomisation import agreement
from histobridge.statistics import benjamini_hochberg

RATE = 0.05
"""False discovery rate over all tests of one explanation."""

DRAWS = 3
"""Random orders, whose areas are averaged."""

FEWEST = 6
"""Spots that a paired test needs."""

ALIKE = 0.5
"""Largest mean rank correlation with the maps of the randomised model."""

COLUMNS = ["method", "test", "control", "effect", "p_value", "fdr", "n"]
CURVES = ("deletion", "insertion", "road most relevant", "road least relevant")


def judge(
    probe: Probe, maps: dict[str, np.ndarray], steps: int, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Faithfulness of every map against every control.

    Returns
    -------
    Tests, one row per method, metric and control: ``effect`` (mean over patches of
    the area won over the control, in standard deviations of the prediction),
    one-sided Wilcoxon ``p_value`` over patches, ``fdr`` over the table; and curves,
    the mean target of every order and share of pixels.
    """
    found = {name: _merit(probe, values, steps, seed) for name, values in maps.items()}
    random = [
        _merit(probe, controls.noise(probe, seed + draw), steps, seed)
        for draw in range(DRAWS)
    ]
    mean = {m: np.mean([one[0][m] for one in random], axis=0) for m in METRICS}
    rivals = {"random": (mean, np.mean([one[1] for one in random], axis=0))}
    for name in ("centre", "edges"):
        rival = getattr(controls, name)(probe)
        rivals[name] = _merit(probe, rival, steps, seed)
    rows = [
        {"method": method, "test": metric, "control": control}
        | _paired(merit[metric] - rivals[control][0][metric])
        for method, (merit, _) in found.items()
        for metric in METRICS
        for control in controls.CONTROLS
    ]
    tests = pd.DataFrame(rows)
    tests["fdr"] = benjamini_hochberg(tests["p_value"].to_numpy())
    shown = {name: part[1] for name, part in (found | rivals).items()}
    return tests[COLUMNS], _tidy(shown, steps)


def _merit(probe: Probe, maps: np.ndarray, steps: int, seed: int):
    found = curves(probe, orders(maps, probe.segments, seed), steps, seed)
    return areas(probe, found), found.mean(axis=1)


def _paired(won: np.ndarray) -> dict[str, float]:
    # Differences of rounding are no differences.
    won = np.where(np.abs(won) < 1e-9, 0.0, won)
    p = wilcoxon(won, alternative="greater").pvalue if won.any() else 1.0
    return {"effect": float(won.mean()), "p_value": float(p), "n": len(won)}


def _tidy(shown: dict[str, np.ndarray], steps: int) -> pd.DataFrame:
    shares = np.arange(1, steps) / steps
    parts = [
        pd.DataFrame({"order": name, "curve": curve, "share": shares, "value": value})
        for name, values in shown.items()
        for curve, value in zip(CURVES, values, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def compare_randomised(
    maps: dict[str, np.ndarray], others: dict[str, list[np.ndarray]]
) -> pd.DataFrame:
    """Rank correlation of every map with those of randomised models.

    Returns
    -------
    Rows of the table of tests: ``effect`` is the mean of absolute correlations over
    patches and draws, which should be near 0; there is no p-value.
    """
    rows: list[dict[str, Any]] = []
    for method, draws in others.items():
        n = len(draws[0])
        found = np.mean([np.abs(agreement(maps[method][:n], o)) for o in draws])
        rows.append({"method": method, "test": "randomised model", "control": ""})
        rows[-1] |= {"effect": found, "p_value": np.nan, "fdr": np.nan, "n": n}
    return pd.DataFrame(rows, columns=COLUMNS)


def verdicts(tests: pd.DataFrame, maps: dict[str, np.ndarray]) -> pd.DataFrame:
    """Whether each method passes, and why not.

    A map passes when it beats random order and the centre prior in deletion,
    insertion and ROAD at a false discovery rate of 5 % and does not survive the
    randomisation of the model. Whether it also beats the edge map is said beside
    it: where what counts has the strongest edges, a right map can only tie.

    Returns
    -------
    One row per method: ``passes``, ``beats_edges`` and the ``reason`` of either.
    """
    rows = []
    for method, values in maps.items():
        own = tests[tests["method"] == method]
        faithful = own[own["test"].isin(METRICS)]
        faults = _faults(values, faithful)
        lost = faithful[(faithful["fdr"] > RATE) | (faithful["effect"] <= 0)]
        beaten = {
            control: f"no better than {control} ({', '.join(part['test'])})"
            for control, part in lost.groupby("control", sort=False)
        }
        edges = beaten.pop("edges", None)
        faults += beaten.values()
        same = own.loc[own["test"] == "randomised model", "effect"]
        if (same > ALIKE).any():
            faults.append(f"survives a randomised model (rho {same.iloc[0]:.2f})")
        row = {"method": method, "passes": not faults, "beats_edges": edges is None}
        reasons = [*faults, edges] if edges else faults
        rows.append(row | {"reason": "; ".join(reasons)})
    return pd.DataFrame(rows)


def _faults(values: np.ndarray, faithful: pd.DataFrame) -> list[str]:
    """What makes tests void."""
    faults = []
    if (np.ptp(values.reshape(len(values), -1), axis=1) == 0).all():
        faults.append("constant map")
    if faithful["n"].max() < FEWEST:
        faults.append(f"fewer than {FEWEST} spots can not be tested")
    return faults
