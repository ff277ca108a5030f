"""The protocols of two families of papers, beside what never sees an image.

Hist2ST: one section left out, siblings of its patient in training, 785 genes, counts
per 10,000 over those genes alone. TRIPLEX: one patient left out, 250 genes chosen on
all sections, likewise normalised, truth averaged over 3 x 3 spots, best genes by the
test itself. Both leak (see the survey in the documentation); they are here to place a
model beside the literature, never without the blind rows. What differs from the papers
is in the column ``note``.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/translation_compat.py
       [--minutes M] [SYSTEM ...]
"""

import argparse
import time
from collections.abc import Iterator

import her2st
import numpy as np
import pandas as pd
from common import data_folder, stamped, write
from sections_with_images import described, load
from translation_systems import SMALL

from histobridge import contract
from histobridge.demo import ENCODERS
from histobridge.evaluation import metrics
from histobridge.evaluation.views import training_view, withheld_view
from histobridge.normalisation import log_normalise
from histobridge.registry import find

SECTIONS = ("A1", "B4", "C2", "C3", "C4")
BLIND = ("depth_scalar", "section_copy", "coordinates_knn")
SYSTEMS = ("ridge_plus", "hest_ridge", "permuted_images", "st_net", "bleep")
PUBLISHED = {
    "Hist2ST": "Hist2ST .144/.185, THItoGene .173/.281, HisToGene .084/.071",
    "TRIPLEX": "TRIPLEX .304, DKAN .330 (all genes)",
}
NOTES = {
    "Hist2ST": "5 of 32 sections (those with an image in register); only C has "
    "siblings; patches in microns",
    "TRIPLEX": "3 of 8 patients; genes chosen on 5 sections; trained on unsmoothed "
    "targets; no test section as validation set",
}
SEED = 0


def protocols(adata) -> Iterator[tuple[str, object, np.ndarray, bool]]:
    """Name, object over its genes alone, fold of every spot, whether smoothed."""
    names = (
        data_folder() / "her2st" / "gene_lists" / "her2st_785_genes.txt"
    ).read_text()
    panel = adata[:, [g for g in names.split() if g in adata.var_names]].copy()
    yield "Hist2ST", panel, adata.obs["sample_id"].to_numpy(str), False
    counts = contract.counts(adata)
    often = np.flatnonzero(np.asarray((counts > 0).mean(axis=0)).ravel() >= 0.1)
    mean = np.asarray(counts.mean(axis=0)).ravel()[often]
    top = often[np.argsort(-mean, kind="stable")[:250]]
    yield "TRIPLEX", adata[:, top].copy(), adata.obs["patient"].to_numpy(str), True


def predicted(name: str, adata, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Prediction of a system or baseline that sees what it says it needs."""
    entry = find(name, "translation")
    small = SMALL | {"epochs": 30} if entry.status != "house" else {}
    given = {k: v for k, v in small.items() if k in entry.parameters}
    model = entry.create(**given, seed=SEED)
    known = training_view(adata, train, entry.needs)
    model.fit(known, list(adata.var_names), train)
    return model.predict(withheld_view(adata, test, entry.needs), test)


def scores(guess: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Mean over genes that vary; of 50 by test mean; of 50 by test score."""
    vary = truth.std(axis=0) > 0
    r, mean = metrics.pearson_columns(guess, truth)[vary], truth.mean(axis=0)[vary]
    return {
        "pearson_gene": r.mean(),
        "top50_test_mean": r[np.argsort(-mean)[:50]].mean(),
        "top50_test_pearson": np.sort(r)[-50:].mean(),
    }


def run(name: str, protocol: str, adata, fold: np.ndarray, smooth: bool) -> dict:
    """Mean over sections, then over the patients of TRIPLEX."""
    full = np.flatnonzero(~contract.empty_spots(adata))
    section = adata.obs["sample_id"].to_numpy(str)
    grid = adata.obs[["array_x", "array_y"]].to_numpy(dtype=float)
    found = []
    for left_out in np.unique(fold):
        train, test = full[fold[full] != left_out], full[fold[full] == left_out]
        guess = predicted(name, adata, train, test)
        truth = log_normalise(contract.counts(adata)[test]).toarray()
        for s in np.unique(section[test]):
            rows = section[test] == s
            part = truth[rows]
            part = her2st.smoothed(part, grid[test[rows]]) if smooth else part
            found.append({"fold": left_out} | scores(guess[rows], part))
    table = pd.DataFrame(found)
    mean = table.groupby("fold").mean().mean() if smooth else table.iloc[:, 1:].mean()
    blind = (*BLIND, "permuted_images")
    status = "blind" if name in blind else find(name, "translation").status
    row = {"protocol": protocol, "system": name, "status": status, "n": len(table)}
    return row | mean.to_dict()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("systems", nargs="*")
    asked, started = parser.parse_args(), time.monotonic()
    adata = described(load(data_folder() / "her2st", SECTIONS), ENCODERS)
    rows = []
    for name in (*BLIND, *(asked.systems or SYSTEMS)):
        if time.monotonic() - started > 60 * asked.minutes:
            print(f"time is over before {name}")
            break
        rows += [run(name, *protocol) for protocol in protocols(adata)]
        print(pd.DataFrame(rows[-2:]).round(3).to_string(header=False), flush=True)
        # After each, so that a run that is cut keeps what it has.
        table = pd.DataFrame(rows).sort_values("protocol", kind="stable")
        table["published"] = table["protocol"].map(PUBLISHED)
        table["note"] = table["protocol"].map(NOTES)
        write("translation_compat", stamped(table, SEED, "torch"))


if __name__ == "__main__":
    main()
