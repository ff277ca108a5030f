"""Every translation system beside every baseline, at a size for two cores.

One olfactory bulb against the other and back (Rep4, Rep9: two animals); with
HISTOBRIDGE_DATA also HER2+ breast, a section of patient C left out, and patients C and
B against each other. Genes, normalisation and every parameter come from the training
sections; the target is log1p of counts per 10,000, never smoothed; scores are per gene
within the test section, three seeds. results/translation_summary.csv holds means over
folds with the range over seeds, beside the best baseline that sees no image. The
sizes below are a share of the published ones and say so in the column ``params``; none
was tuned on these sections. A system that sees a section at a time takes one step per
epoch here, so that 60 epochs are hardly a beginning for some (thitogene, stgat). All
see the network at 200 microns only, as published ones do; the house default too. Jobs
are kept in a folder: an interrupted run goes on.

Usage: [HISTOBRIDGE_DATA=<folder>] python dev/benchmarks/translation_systems.py FOLDER
           [--minutes M] [--seeds 3] [SYSTEM ...]
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
from anndata import AnnData
from common import stamped, write
from sections_with_images import described, load, of_one_scale

import histobridge as hb
from histobridge.evaluation import benchmark
from histobridge.registry import find
from histobridge.splits import LeaveOnePatientOut, LeaveOneSectionOut

SMALL = {"scale": 1 / 8, "epochs": 60, "pixels": 32, "backbone": "features"}
OWN = {
    "hist2st": {"scale": 1 / 16},
    "he2rna": {"epochs": 200},
    "stem": {"scale": 1 / 16, "epochs": 30, "draws": 4},
    "task_ssl": {"epochs": 30},
}
FIRST = ("ridge_plus", "hest_ridge", "st_net", "histogene", "hist2st", "bleep", "egn")
ENCODERS = ("colour", "efficientnet-lite0")
SHOWN = ("pearson_gene", "pearson_gene_top50", "pearson_gene_partial")


def sizes(name: str) -> dict:
    """Parameters of one system, as far as it has them."""
    known = find(name, "translation").parameters
    given = SMALL | OWN.get(name, {})
    return {k: v for k, v in given.items() if k in known}


def systems() -> list[str]:
    """House and published systems, the best known first."""
    table = hb.list_systems("translation")
    ours = table["name"][table["status"] != "baseline"]
    return [*FIRST, *(name for name in ours if name not in FIRST)]


def bulb() -> AnnData:
    return of_one_scale(described(hb.data.example_bulb(), ENCODERS), "_400um")


def breast() -> AnnData:
    folder = Path(os.environ["HISTOBRIDGE_DATA"]) / "her2st"
    sections = load(folder, ("C2", "C3", "C4", "B4"))
    return of_one_scale(described(sections, ENCODERS), "_400um")


def within() -> AnnData:
    whole = breast()
    return whole[whole.obs["patient"] == "C"].copy()


DATASETS: dict[str, tuple[Callable[[], AnnData], Callable]] = {
    "bulb": (bulb, LeaveOnePatientOut),
    "her2st": (breast, LeaveOnePatientOut),
    "her2st C": (within, LeaveOneSectionOut),
}


def jobs(seeds: int, asked: list[str]) -> Iterator[tuple[str, int, str]]:
    """Data set, seed and system: one seed of everything before the next."""
    every = "HISTOBRIDGE_DATA" in os.environ
    for seed in range(seeds):
        for dataset in DATASETS if every else ("bulb",):
            for name in asked or systems():
                yield dataset, seed, name


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """Means over folds with the range over seeds, and the best image-blind one."""
    some = scores[scores["metric"].isin(SHOWN)]
    per_seed = some.groupby(["dataset", "metric", "system", "seed"])["value"].mean()
    parts = per_seed.groupby(["dataset", "metric", "system"])
    table = parts.agg(["mean", "min", "max", "size"]).reset_index()
    table = table.rename(columns={"size": "seeds", "mean": "value"})
    known = hb.list_systems("translation").set_index("name")
    table["status"] = known["status"].reindex(table["system"]).to_numpy()
    blind = [n for n in known.index if "image" not in find(n, "translation").needs]
    best = table[table["system"].isin(blind)].groupby(["dataset", "metric"])["value"]
    table = table.join(best.max().rename("best_image_blind"), ["dataset", "metric"])
    order = ["dataset", "metric", "value"]
    return table.sort_values(order, ascending=[True, True, False])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("systems", nargs="*")
    asked = parser.parse_args()
    started = time.monotonic()
    parts, loaded = [], {}
    for dataset, seed, name in jobs(asked.seeds, asked.systems):
        if time.monotonic() - started > 60 * asked.minutes:
            print(f"time is over before {dataset}, {name}, seed {seed}")
            break
        read, splitter = DATASETS[dataset]
        loaded.setdefault(dataset, None)
        if loaded[dataset] is None:
            loaded[dataset] = read()
        part = benchmark(
            {name: sizes(name)},
            {dataset: loaded[dataset]},
            splitter(),
            seeds=[seed],
            folder=asked.folder,
            progress=False,
        )
        part["params"] = [str(sizes(s) if s == name else {}) for s in part["system"]]
        parts.append(part)
        # Baselines run once and are read from the folder afterwards.
        runs = pd.concat(parts).drop_duplicates(
            ["dataset", "system", "fold", "seed", "metric"]
        )
        print(dataset, seed, name, f"{time.monotonic() - started:.0f} s", flush=True)
        write("translation_systems", stamped(runs, seed, "torch"))
        write("translation_summary", stamped(summary(runs), seed, "torch"))


if __name__ == "__main__":
    main()
