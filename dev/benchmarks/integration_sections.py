"""Sections embedded together: how they mix and what they keep, on labelled tissue.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/integration_sections.py
           [--minutes 8] [--systems NAME ...] [--seeds 1]

iLISI, kBET and the silhouette of sections are taken within the labels that sections
share; cLISI and the silhouette of labels over all spots; ARI is the mean over sections
of one joint clustering. ``uncorrected_mixture`` is what the sections give as they are.
Stops after so many minutes and goes on where it stopped when called again.
"""

import argparse
import time
import warnings

import pandas as pd
from common import RESULTS, data_folder, stamped, write
from labelled import together

import histobridge as hb

TISSUES = {
    "mob Rep4 + Rep9": ("mob Rep4", "mob Rep9"),
    "starmap BZ5 + BZ9": ("starmap BZ5", "starmap BZ9"),
    "her2st A1 + B1 + C1 + D1": ("her2st A1", "her2st B1", "her2st C1", "her2st D1"),
    "dlpfc 151673 + 151674": ("dlpfc 151673", "dlpfc 151674"),
}
SYSTEMS = {
    "pooled_graphpca": ("pooled_graphpca", {}),
    "pooled_graphpca, mixed": ("pooled_graphpca", {"mixed": True}),
    "gpca_consensus": ("gpca_consensus", {}),
    "harmony": ("harmony", {}),
    "harmonizr": ("harmonizr", {}),
    "graphpca": ("graphpca", {}),
    "stagate": ("stagate", {}),
    "staligner (MNN triplets)": ("staligner", {}),
    "lloki (MNN triplets)": ("lloki", {}),
    "resst (margin disparity)": ("resst", {}),
    "stmda": ("stmda", {}),
    "sedr": ("sedr", {}),
    "graphst": ("graphst", {}),
    "cellcharter": ("cellcharter", {}),
    "spagcn": ("spagcn", {}),
}
RANDOM = {"staligner", "lloki", "resst", "stmda", "sedr", "graphst", "stagate"}


def jobs(seeds: int):
    """Seeds, tissues and systems in the order they are worth having."""
    for seed in range(seeds):
        for tissue in TISSUES:
            for shown, (name, params) in SYSTEMS.items():
                if seed == 0 or name in RANDOM:
                    yield tissue, shown, name, params, seed


def scored(adata, shown: str, name: str, params: dict, seed: int) -> pd.DataFrame:
    """Rows of one system and, with seed 0, of the baselines."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = hb.evaluation.benchmark(
            {name: params},
            adata,
            task="domains",
            truth="truth",
            joint=True,
            seeds=(seed,),
            progress=False,
            folder=RESULTS / ".sections",
        )
    wide = rows.pivot_table(
        index=["system", "cpu_s", "wall_s"], columns="metric", values="value"
    ).reset_index()
    status = hb.list_systems("domains").set_index("name")["status"]
    wide["status"] = wide["system"].map(status).fillna("baseline")
    wide["system"] = wide["system"].replace({name: shown})
    return wide.rename_axis(columns=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--systems", nargs="*", help="only these, for now")
    options = parser.parse_args()
    folder, stop = data_folder(), time.monotonic() + 60 * options.minutes
    path = RESULTS / "integration_sections.csv"
    table = pd.read_csv(path) if path.exists() else pd.DataFrame()
    loaded: dict = {}
    for tissue, shown, name, params, seed in jobs(options.seeds):
        key = ["dataset", "system", "seed"]
        done = set(table[key].itertuples(index=False, name=None)) if len(table) else ()
        asked = not options.systems or shown in options.systems
        if (tissue, shown, seed) in done or not asked:
            continue
        if time.monotonic() > stop:
            break
        if tissue not in loaded:
            loaded = {tissue: together(TISSUES[tissue], folder)}
        rows = scored(loaded[tissue], shown, name, params, seed)
        rows.insert(0, "dataset", tissue)
        table = pd.concat([table, stamped(rows, seed, "torch")])
        table = table.drop_duplicates(key, keep="first")
        print(rows[rows["system"] == shown].to_string(index=False), flush=True)
        write("integration_sections", table)


if __name__ == "__main__":
    main()
