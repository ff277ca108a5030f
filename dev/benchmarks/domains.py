"""House default on every labelled section, beside its ladder and the floors to beat.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/domains.py
           [--seeds 3] [--minutes 10] [--sections NAME ...]

Stops after so many minutes and goes on where it stopped when called again (runs are
in results/domains_runs.csv). Floors are the best row of each section measured with
20 principal components, spatial means of them and a tied Gaussian mixture, medians
over 5 seeds; cortex has to reach .60. The sections were in sight while the default
was designed, so its scores are optimistic. ``k_auto`` is the number of domains found
where K is left to the default. ``image_weight`` is what the default gave the image
of the sections that have one (0: left out), ``ari_image`` its score with it on offer.
"""

import argparse
import time
import warnings

import anndata as ad
import numpy as np
import pandas as pd
from common import RESULTS, data_folder, stamped, write
from labelled import PICTURED, SECTIONS, pictured, section
from sklearn.metrics import adjusted_rand_score

from histobridge import registry
from histobridge.evaluation.views import declared_view

FLOORS = {
    "mob Rep4": 0.55,
    "mob Rep9": 0.51,
    "starmap BY3": 0.83,
    "starmap BZ5": 0.87,
    "starmap BZ9": 0.47,
    "her2st A1": 0.43,
    "her2st B1": 0.33,
    "her2st C1": 0.24,
    "her2st D1": 0.23,
    "dlpfc 151673": 0.60,
    "dlpfc 151674": 0.60,
    "osmfish": 0.67,
}
HOUSE = "gpca_consensus"
OPEN = "gpca_consensus, K left open"
OFFERED = "gpca_consensus, image offered"
RUNGS = ("coordinates_kmeans", "pca_mixture", "spatial_mean_mixture")
KEY = ["section", "system", "seed"]


def one_run(adata: ad.AnnData, labels: pd.Series, name: str, seed: int) -> dict:
    """Score of one system."""
    entry = registry.find(name.split(",")[0], "domains")
    view, started = declared_view(adata, entry.needs), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = entry.create(seed=seed)
        found = model.fit_predict(view, None if name == OPEN else labels.nunique())
    return {
        "ari": adjusted_rand_score(labels, found),
        "cpu_seconds": time.process_time() - started,
        "k": labels.nunique(),
        "k_found": len(set(found)),
        **{n: v for n, v in getattr(model, "facts_", {}).items() if np.isscalar(v)},
    }


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per section: the house median and range, the rungs, the floor."""
    rows = []
    for name, mine in runs.groupby("section", sort=False):
        house = mine[mine["system"] == HOUSE]
        if house.empty:
            continue
        row = {"section": name, "k": int(house["k"].iloc[0])}
        row |= {"seeds": len(house), "ari": house["ari"].median()}
        row |= {"ari_low": house["ari"].min(), "ari_high": house["ari"].max()}
        for rung in RUNGS:
            row[rung] = mine.loc[mine["system"] == rung, "ari"].median()
        row |= {"floor": FLOORS[name], "met": row["ari"] >= FLOORS[name]}
        for fact in ("strength", "best_predicting_strength"):
            row[fact] = house[fact].median()
        alone = mine[mine["system"] == OPEN]
        row |= {"k_auto": alone["k_found"].median(), "ari_auto": alone["ari"].median()}
        offered = mine[mine["system"] == OFFERED]
        row |= {"image_weight": offered["image_weight"].median()}
        row |= {"ari_image": offered["ari"].median()}
        rows.append(row | {"cpu_seconds": house["cpu_seconds"].median()})
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--sections", nargs="*", default=list(SECTIONS))
    options = parser.parse_args()
    folder, stop = data_folder(), time.monotonic() + 60 * options.minutes
    path = RESULTS / "domains_runs.csv"
    runs = pd.read_csv(path).to_dict("records") if path.exists() else []
    done = {tuple(run[c] for c in KEY) for run in runs}
    jobs = [(n, s, i) for i in range(options.seeds) for n in options.sections
            for s in (HOUSE, *RUNGS)]  # fmt: skip
    jobs += [(name, OPEN, 0) for name in options.sections]
    jobs += [(name, OFFERED, seed) for name in options.sections if name in PICTURED
             for seed in range(options.seeds)]  # fmt: skip
    loaded: dict[str, tuple] = {}
    for job in jobs:
        if job in done:
            continue
        if time.monotonic() > stop:
            break
        load = pictured if job[1] == OFFERED else section
        if (job[0], load) not in loaded:
            loaded = {(job[0], load): load(job[0], folder)}
        runs.append(dict(zip(KEY, job, strict=True)))
        runs[-1] |= one_run(*loaded[job[0], load], *job[1:])
        print(runs[-1], flush=True)
        pd.DataFrame(runs).to_csv(path, index=False, float_format="%.6g")
    if runs:
        table = stamped(summary(pd.DataFrame(runs)), 0)
        write("domains", table.drop(columns="seed"))


if __name__ == "__main__":
    main()
