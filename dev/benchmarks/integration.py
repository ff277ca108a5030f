"""Every domain system on labelled sections, beside the ladder and published values.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/integration.py
           [--seeds 3] [--minutes 8] [--all-sections] [--systems NAME ...]

Stops after so many minutes and goes on where it stopped when called again. Runs are
in results/integration_runs.csv, their summary in results/integration.csv. Sections of
cortex get every system; the others the house default, the ladder and the systems
named in BEST.
"""

import argparse
import time
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from common import RESULTS, data_folder, write
from labelled import PICTURED, SECTIONS, pictured, section, together
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

import histobridge as hb
from histobridge import registry
from histobridge.evaluation.views import declared_view

CORTEX = ("dlpfc 151673", "dlpfc 151674")
JOINTLY = " of two"
"""What follows a section's name where both of cortex were clustered together."""
PUBLISHED_JOINTLY = ("banksy",)
BEST = ("gpca_consensus", "graphpca", "stagate", "graphst", "spaingnn")

# Medians over 20 seeds and the spread over seeds (standard deviation), re-tabulated
# from BenchmarkST (Hu et al. 2024); single label files where it has none (no spread).
PUBLISHED = {
    "graphst": (0.638, 0.610, 0.0),
    "stagate": (0.571, 0.531, 0.035),
    "sedr": (0.487, 0.464, 0.045),
    "spagcn": (0.414, 0.372, None),
    "const": (0.491, 0.412, 0.056),
    "deepst": (0.229, 0.247, 0.086),
    "bayesspace": (0.549, 0.296, None),
    "stlearn": (0.305, 0.386, None),
    "graphpca": (0.531, None, None),
    "banksy": (0.548, 0.641, None),
}


def loaded(dataset: str, image: bool, folder: Path) -> tuple[ad.AnnData, pd.Series]:
    """Spots without labels, and labels: missing for spots that are not scored."""
    if not dataset.endswith(JOINTLY):
        return (pictured if image else section)(dataset, folder)
    adata = together(CORTEX, folder)
    of_section = adata.obs["sample_id"] == dataset.removesuffix(JOINTLY)
    return adata, adata.obs.pop("truth").where(of_section)


def one_run(adata: ad.AnnData, labels: pd.Series, entry, seed: int) -> dict:
    """Scores of one run."""
    # Processor time: a busy machine does not make a system slow.
    started = time.process_time()
    model = entry.create(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = model.fit_predict(declared_view(adata, entry.needs), labels.nunique())
    known = labels.notna().to_numpy()
    scored = labels[known], np.asarray(found)[known]
    return {
        "ari": adjusted_rand_score(*scored),
        "nmi": normalized_mutual_info_score(*scored),
        "k": labels.nunique(),
        "k_found": len(set(found)),
        "cpu_seconds": time.process_time() - started,
    }


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Median and range over seeds, the floor, and published values."""
    parts = runs.groupby(["dataset", "system", "status", "image"], sort=False)
    table = parts.agg(
        seeds=("seed", "nunique"),
        ari=("ari", "median"),
        ari_low=("ari", "min"),
        ari_high=("ari", "max"),
        nmi=("nmi", "median"),
        cpu_seconds=("cpu_seconds", "median"),
    ).reset_index()
    ladder = table[table["status"] == "baseline"]
    floor = ladder.groupby("dataset")["ari"].max().rename("best_rung")
    table = table.join(floor, on="dataset")
    table["above_rungs"] = table["ari"] > table["best_rung"]
    facts = [
        published(*row) for row in table[["dataset", "system", "image"]].to_numpy()
    ]
    table["published"] = [value for value, _ in facts]
    table["published_sd"] = [spread for _, spread in facts]
    # Two standard deviations over seeds; .04 where no spread was published.
    width = 2 * table["published_sd"].where(table["published_sd"] > 0, 0.04)
    inside = (table["ari"] - table["published"]).abs() <= width
    above = table["ari"] > table["published"] + width
    verdict = inside.map({True: "inside", False: "below"})
    verdict = verdict.where(~above, "above")
    table["against_published"] = verdict.where(table["published"].notna(), "")
    return table.assign(version=hb.__version__, date=date.today().isoformat())


def published(
    dataset: str, system: str, image: bool
) -> tuple[float | None, float | None]:
    """Published adjusted Rand index and its standard deviation over seeds."""
    name = dataset.removesuffix(JOINTLY)
    jointly = name != dataset
    if name not in CORTEX or system not in PUBLISHED:
        return None, None
    if jointly != (system in PUBLISHED_JOINTLY):
        return None, None
    if image != ("image" in registry.find(system, "domains").needs):
        return None, None
    *values, spread = PUBLISHED[system]
    return values[CORTEX.index(name)], spread


def jobs(seeds: int, every: bool) -> Iterator[tuple[str, registry.System, bool, int]]:
    """Dataset, system, with its image or not, and seed, the most wanted first."""
    entries = [
        registry.find(name, "domains") for name in hb.list_systems("domains")["name"]
    ]
    for seed in range(seeds):
        for dataset in CORTEX:
            for name in PUBLISHED_JOINTLY:
                yield dataset + JOINTLY, registry.find(name, "domains"), False, seed
        for dataset in SECTIONS if every else CORTEX:
            for entry in entries:
                rung = entry.status == "baseline"
                if dataset not in CORTEX and not rung and entry.name not in BEST:
                    continue
                if "image" in entry.needs and dataset in PICTURED:
                    yield dataset, entry, True, seed
                if "image" not in entry.needs or not rung:
                    yield dataset, entry, False, seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--all-sections", action="store_true")
    parser.add_argument("--systems", nargs="*", help="only these, for now")
    options = parser.parse_args()
    folder, stop = data_folder(), time.monotonic() + 60 * options.minutes
    path = RESULTS / "integration_runs.csv"
    runs = pd.read_csv(path).to_dict("records") if path.exists() else []
    done = {(r["dataset"], r["system"], r["image"], r["seed"]) for r in runs}
    held: dict[tuple[str, bool], tuple] = {}
    for dataset, entry, image, seed in jobs(options.seeds, options.all_sections):
        if (dataset, entry.name, image, seed) in done:
            continue
        if options.systems and entry.name not in options.systems:
            continue
        if time.monotonic() > stop:
            break
        if (dataset, image) not in held:
            held = {(dataset, image): loaded(dataset, image, folder)}
        facts = {"dataset": dataset, "system": entry.name, "status": entry.status}
        found = one_run(*held[dataset, image], entry, seed)
        runs.append({**facts, "image": image, "seed": seed, **found})
        print(runs[-1], flush=True)
        write("integration_runs", pd.DataFrame(runs))
        write("integration", summary(pd.DataFrame(runs)))


if __name__ == "__main__":
    main()
