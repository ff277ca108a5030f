"""Virtual stains of marker genes in animals and patients that were not learnt from.

Olfactory bulb (one animal from the other) and, where the public data are, HER2+
breast (patient B from three sections of patient C, and back). Channels are means of
marker genes named beforehand; every channel is cross-checked against each of its own
genes and, as a control, against those of the other channels. The row
``haematoxylin`` is no network: the density measured on the H&E itself. Networks have
an eighth of their width and five epochs, not tuned here. Rows that exist are kept, so
that a run that was cut goes on.

Usage: [HISTOBRIDGE_DATA=<folder>] python dev/benchmarks/staining.py [--minutes M]
"""

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import pandas as pd
from common import RESULTS, stamped, write
from sections_with_images import load

import histobridge as hb

MARKERS = {
    "bulb": {
        "granule": ["Penk", "Meis2", "Gad1"],
        "mitral": ["Cdhr1", "Doc2g", "Slc17a7"],
        "myelin": ["Mbp", "Plp1", "Mobp"],
    },
    "her2st": {
        "panCK": ["KRT7", "KRT8", "KRT19"],
        "stroma": ["COL1A1", "COL1A2", "COL3A1"],
        "immune": ["CD74", "HLA-DRA", "B2M"],
    },
}
NETWORK = {"scale": 1 / 8, "epochs": 5}
ASKED = {
    "haematoxylin": None,
    "colour_filters": {},
    "colour_filters, reinhard": {"stain": "reinhard"},
    "mvfstain": NETWORK,
    "virtual_panck": NETWORK,
    "ulst": NETWORK,
}
KEYS = ["dataset", "system"]
SEED = 0


def data() -> Iterator[tuple[str, ad.AnnData]]:
    """Yield the sections of each data set."""
    yield "bulb", hb.data.example_bulb()
    folder = Path(os.environ.get("HISTOBRIDGE_DATA", "absent")) / "her2st"
    if folder.exists():
        yield "her2st", load(folder, ("C2", "C3", "C4", "B4"))


def checked(
    adata: ad.AnnData, dataset: str, name: str, params: dict | None
) -> pd.DataFrame:
    """Rows of one system: every channel against every marker."""
    markers, started = MARKERS[dataset], time.monotonic()
    if params is not None:
        system = name.split(",")[0]
        hb.stain_virtually(adata, genes=markers, system=system, **params)
    seconds = time.monotonic() - started
    genes = [gene for members in markers.values() for gene in members]
    parts = []
    for channel, own in markers.items():
        measured = params is None
        part = hb.cross_check(
            adata,
            name if measured else channel,
            genes,
            image_id="hires" if measured else None,
            draws=199,
            seed=SEED,
        )
        part["channel"], part["own"] = channel, part["gene"].isin(own)
        parts.append(part)
    table = pd.concat(parts).assign(dataset=dataset, system=name, seconds=seconds)
    return table.assign(params=str(params or {}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=float("inf"))
    asked, started = parser.parse_args(), time.monotonic()
    path = RESULTS / "staining.csv"
    tables = [pd.read_csv(path)] if path.exists() else []
    done = set(tables[0][KEYS].itertuples(index=False, name=None)) if tables else set()
    for dataset, adata in data():
        for name, params in ASKED.items():
            if (dataset, name) in done:
                continue
            if time.monotonic() - started > 60 * asked.minutes:
                return
            table = checked(adata.copy(), dataset, name, params)
            tables.append(stamped(table, SEED, "torch"))
            write("staining", *tables)
            whole = table[table["section"] == "all"]
            print(dataset, name, f"{table['seconds'].iloc[0]:.0f} s")
            print(whole.groupby(["channel", "own"])["correlation"].mean())


if __name__ == "__main__":
    main()
