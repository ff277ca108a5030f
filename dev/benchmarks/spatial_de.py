"""False positives and power of spatial differential expression on planted fields.

Genes are Gaussian fields of known range and nugget. Under the null no gene differs
between the groups; for power half a standard deviation is added to one of them.
``boundary`` splits the section in two, ``domains`` follows the sign of a smooth
field, as tissue domains do, and ``random`` draws spots at random.

Usage: python dev/benchmarks/spatial_de.py
"""

import itertools
import time

import numpy as np
import pandas as pd
from common import write
from scipy import stats
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from histobridge.evaluation.result import tidy
from histobridge.statistics import fit_gls

SIDE, PITCH, GENES, SEED = 20, 100.0, 1000, 0
RANGES, NUGGETS, EFFECT = (100, 200, 400), (0.2, 0.5), 0.5
PARTITIONS = ("boundary", "domains", "random")


def groups(points: np.ndarray, partition: str, rng: np.random.Generator) -> np.ndarray:
    if partition == "boundary":
        return points[:, 0] < points[:, 0].mean()
    if partition == "random":
        return rng.permutation(len(points)) < len(points) // 2
    smooth = gaussian_filter(rng.standard_normal((SIDE, SIDE)), 2).ravel()
    return smooth > np.median(smooth)


def t_test(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    return stats.ttest_ind(values[group], values[~group]).pvalue


def gls(values: np.ndarray, group: np.ndarray, points: np.ndarray, **how) -> np.ndarray:
    design = np.column_stack([np.ones(len(group)), group])
    fit = fit_gls(values, design, points, np.zeros(len(group)), **how)
    return 2 * stats.t.sf(np.abs(fit.estimate / fit.std_error), fit.df)


def main() -> None:
    axis = np.arange(SIDE) * PITCH
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    distance, rows = cdist(points, points), []
    for scale, nugget, partition in itertools.product(RANGES, NUGGETS, PARTITIONS):
        rng = np.random.default_rng([SEED, scale, int(10 * nugget)])
        covariance = (1 - nugget) * np.exp(-distance / scale)
        root = np.linalg.cholesky(covariance + nugget * np.eye(len(points)))
        null = root @ rng.standard_normal((len(points), GENES))
        group = groups(points, partition, rng)
        changed = null + EFFECT * group[:, None]
        for system, test in {
            "t_test": lambda y, g: t_test(y, g),
            "gls": lambda y, g: gls(y, g, points),
            "gls_vecchia": lambda y, g: gls(y, g, points, exact=0),
        }.items():
            for metric, values in (("false_positives", null), ("power", changed)):
                started = time.perf_counter()
                share = float((test(values, group) < 0.05).mean())
                error = 1.96 * np.sqrt(share * (1 - share) / GENES)
                rows.append(
                    {
                        "dataset": f"range {scale} um, nugget {nugget:g}",
                        "system": system,
                        "status": "baseline" if system == "t_test" else "house",
                        "protocol": partition,
                        "fold": f"seed {SEED}",
                        "metric": metric,
                        "value": share,
                        "lower": share - error,
                        "upper": share + error,
                        "n": GENES,
                        "seconds": time.perf_counter() - started,
                    }
                )
    table = tidy(rows)
    wide = table.pivot_table(
        index=["dataset", "protocol"], columns=["metric", "system"], values="value"
    )
    print(wide.round(3).to_string())
    print(pd.DataFrame(rows).groupby(["metric", "system"])["value"].describe())
    write("spatial_de", table)


if __name__ == "__main__":
    main()
