"""False positives and power of spatial differential expression on planted fields.

Genes are Gaussian fields of known range and nugget. Under the null no gene differs
between the groups; for power half a standard deviation is added to one of them.
``boundary`` splits the section in two, ``domains`` follows the sign of a smooth
field, as tissue domains do, and ``random`` draws spots at random. Rows of
``nlme::gls`` are distances of coefficient and z, from the same parameters started.

Usage: python dev/benchmarks/spatial_de.py [--minutes M]

Goes on where a call of the same day stopped.
"""

import argparse
import dataclasses
import datetime
import itertools
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
from common import RESULTS, write
from scipy import stats
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from histobridge.evaluation.result import tidy
from histobridge.statistics import fit_gls
from histobridge.statistics.gls import Fit

SIDE, PITCH, GENES, SEEDS = 20, 100.0, 1000, range(5)
SYSTEMS: dict[str, dict] = {"gls": {}, "gls_vecchia": {"exact": 0}}
RANGES, NUGGETS, EFFECT = (100, 200, 400), (0.2, 0.5), 0.5
PARTITIONS = ("boundary", "domains", "random")


def groups(points: np.ndarray, partition: str, rng: np.random.Generator) -> np.ndarray:
    if partition == "boundary":
        return points[:, 0] < points[:, 0].mean()
    if partition == "random":
        return rng.permutation(len(points)) < len(points) // 2
    smooth = gaussian_filter(rng.standard_normal((SIDE, SIDE)), 2).ravel()
    return smooth > np.median(smooth)


def t_test(values: np.ndarray, group: np.ndarray, shift: float) -> np.ndarray:
    return stats.ttest_ind(values[group] + shift, values[~group]).pvalue


def gls(values: np.ndarray, group: np.ndarray, points: np.ndarray, **how) -> Fit:
    design = np.column_stack([np.ones(len(group)), group])
    return fit_gls(values, design, points, np.zeros(len(group)), **how)


def shares(
    system: str, null: np.ndarray, group: np.ndarray, points: np.ndarray
) -> dict[str, float]:
    """Share of genes below 5 % without and with the planted difference."""
    if system == "t_test":
        p = [t_test(null, group, shift) for shift in (0.0, EFFECT)]
    else:
        fit = gls(null, group, points, **SYSTEMS[system])
        # A difference along the design moves the coefficient, and nothing else.
        changed = dataclasses.replace(fit, estimate=fit.estimate + EFFECT)
        p = [fit.p_value(), changed.p_value()]
    return {
        "false_positives": float((p[0] < 0.05).mean()),
        "power": float((p[1] < 0.05).mean()),
    }


def rows_of(scale: int, nugget: float, partition: str, seed: int) -> list[dict]:
    axis = np.arange(SIDE) * PITCH
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    rng = np.random.default_rng([seed, scale, int(10 * nugget)])
    covariance = (1 - nugget) * np.exp(-cdist(points, points) / scale)
    root = np.linalg.cholesky(covariance + nugget * np.eye(len(points)))
    null = root @ rng.standard_normal((len(points), GENES))
    group = groups(points, partition, rng)
    rows = []
    for system in ("t_test", *SYSTEMS):
        if system == "gls_vecchia" and (partition, seed) != ("boundary", SEEDS[0]):
            continue  # It takes five times as long; there the t-test is worst.
        started = time.perf_counter()
        found = shares(system, null, group, points)
        facts = {
            "dataset": f"range {scale} um, nugget {nugget:g}",
            "system": system,
            "status": "baseline" if system == "t_test" else "house",
            "protocol": partition,
            "fold": f"seed {seed}",
            "n": GENES,
            "seconds": time.perf_counter() - started,
        }
        for metric, share in found.items():
            error = 1.96 * np.sqrt(share * (1 - share) / GENES)
            score = {"metric": metric, "value": share}
            rows.append(
                facts | score | {"lower": share - error, "upper": share + error}
            )
    return rows


def averaged(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds, and its interval over all genes."""
    same = ["dataset", "system", "status", "protocol", "metric", "version", "date"]
    mean = table.groupby(same, sort=False, as_index=False).agg(
        value=("value", "mean"), n=("n", "sum"), seconds=("seconds", "sum")
    )
    error = 1.96 * np.sqrt(mean["value"] * (1 - mean["value"]) / mean["n"])
    bounds = {"lower": mean["value"] - error, "upper": mean["value"] + error}
    return pd.concat(
        [table, mean.assign(fold="all", **bounds)[table.columns.drop("peak_mb")]]
    )


def agreement(script: Path) -> list[dict]:
    """Largest distance from ``nlme::gls``, of the same genes in the same groups."""
    done = subprocess.run(
        ["Rscript", str(script)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print("skipped: no agreement with nlme without R:", done.stderr[-300:])
        return []
    values = dict(line.split() for line in done.stdout.splitlines() if line[:1] == "|")
    return [
        {
            "dataset": "bulb Rep4, granular cell layer",
            "system": "gls",
            "status": "house",
            "protocol": "against nlme::gls",
            "fold": "all",
            "metric": metric,
            "value": float(value),
        }
        for metric, value in values.items()
    ]


def done() -> pd.DataFrame:
    """Rows that an earlier call of today has written."""
    path = RESULTS / "spatial_de.csv"
    known = pd.read_csv(path) if path.exists() else tidy([])
    today = datetime.date.today().isoformat()
    return known[(known["date"] == today) & known["fold"].str.startswith("seed")]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=float("inf"))
    stop = time.monotonic() + 60 * parser.parse_args().minutes
    table, script = done(), Path(__file__).with_name("spatial_de_nlme.R")
    for seed, *setting in itertools.product(SEEDS, RANGES, NUGGETS, PARTITIONS):
        scale, nugget, partition = setting
        same = table["dataset"] == f"range {scale} um, nugget {nugget:g}"
        same &= (table["protocol"] == partition) & (table["fold"] == f"seed {seed}")
        if same.any() or time.monotonic() > stop:
            continue
        rows = tidy(rows_of(*setting, seed))
        table = pd.concat([table, rows]) if len(table) else rows
        write("spatial_de", averaged(table))
    against = tidy(agreement(script))
    write("spatial_de", averaged(table), against)
    wide = (
        averaged(table)
        .query("fold == 'all'")
        .pivot_table(
            index=["dataset", "protocol"], columns=["metric", "system"], values="value"
        )
    )
    print(wide.round(3).to_string())
    print(against.to_string())


if __name__ == "__main__":
    main()
