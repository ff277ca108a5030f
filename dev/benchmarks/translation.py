"""Translation under the reference protocol, beside every baseline and the floors.

Across animals (olfactory bulb), within a patient (HER2+ breast, one section of C left
out), across patients (C and B4), and across three of them (A1 and A2 too, whose images
are coarse). 250 most variable genes of the training sections,
log1p CP10k, Pearson per gene within a section. Floors are those of a ridge on the same
data with a penalty chosen in hindsight.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/translation.py
"""

import pandas as pd
from common import data_folder, stamped, write
from sections_with_images import described, load

import histobridge as hb
from histobridge.demo import ENCODERS

ANIMALS = {"Rep4": "animal A", "Rep9": "animal D"}
SEEDS = 3
THREE = "her2st A, B, C"
# dataset, fold, floor of the 50 most variable and of all genes
FLOORS = (
    ("bulb", "test animal D", 0.58, 0.44),
    ("bulb", "test animal A", 0.54, 0.43),
    ("her2st C", "all", 0.45, 0.33),
    ("her2st", "test B", 0.22, 0.25),
)
MARGIN = 0.05


def runs() -> list[hb.evaluation.Benchmark]:
    bulb = described(load(data_folder() / "mob", ANIMALS, ANIMALS), ENCODERS)
    breast = load(data_folder() / "her2st", ("C2", "C3", "C4", "B4"))
    breast = described(breast, ENCODERS)
    within = breast[breast.obs["patient"] == "C"].copy()
    three = load(data_folder() / "her2st", ("A1", "A2", "C2", "C3", "C4", "B4"))
    three = described(three, ENCODERS)
    asked = (
        ("bulb", bulb, "patients"),
        ("her2st C", within, "sections"),
        ("her2st", breast, "patients"),
        (THREE, three, "patients"),
    )
    return [
        hb.benchmark_translation(
            adata, protocols=(protocol,), dataset=name, seeds=SEEDS, progress=False
        )
        for name, adata, protocol in asked
    ]


def floors(table: pd.DataFrame) -> pd.DataFrame:
    """The house model beside the floors."""
    house = table[table["status"] == "house"].set_index(["dataset", "fold", "metric"])
    rows = []
    for dataset, fold, top, every in FLOORS:
        for metric, floor in (("pearson_gene_top50", top), ("pearson_gene", every)):
            value = house.loc[(dataset, fold, metric), "value"]
            target = floor + MARGIN
            rows.append((dataset, fold, metric, floor, target, value, value >= target))
    names = ["dataset", "fold", "metric", "floor", "target", "value", "met"]
    return pd.DataFrame(rows, columns=names)


def main() -> None:
    benchmarks = runs()
    for benchmark in benchmarks:
        print(benchmark.summary().to_string(index=False))
    table = pd.concat([b.table for b in benchmarks])
    write("translation", table)
    write("translation_audit", *(b.audit for b in benchmarks))
    write("translation_floors", stamped(floors(table), 0))


if __name__ == "__main__":
    main()
