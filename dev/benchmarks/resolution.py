"""Resolution on pseudo-spots of cell-resolved data, real H&E and simulated tissue.

Xenium, MERFISH, osmFISH and STARmap cells have no image here, so image systems are
left out there. The bulb has real H&E: every other spot is hidden, and what lies
between the others is what the hidden ones counted. The simulated tissue has an image
whose link to expression is planted: ``shared`` is the share of the variance that the
image knows. Design decisions were taken on simulations of other seeds, the bulb,
osmFISH, STARmap and HER2+ breast; Xenium, MERFISH and this seed were not looked at.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/resolution.py [DATASET ...]
           [--systems NAME ...]

Without names all data sets and systems run, baselines always; rows of others are kept.
"""

import argparse

import anndata as ad
import numpy as np
import pandas as pd
import sections_with_images
from common import RESULTS, data_folder, write

import histobridge as hb

CELLS = {
    # Name: file, distance of spots, their diameter and the grid, in microns. The
    # Xenium file is a tenth of its cells, so its spots are wider apart.
    "xenium breast": ("xenium_breast/xenium_breast", 600, 330, 150),
    "merfish poa": ("merfish_poa/merfish_poa", 100, 55, 25),
    # Coordinates of these two are no microns; distances are five cells.
    "osmfish cortex": ("osmfish/osmfish_all", 920, 506, 230),
    "starmap cortex": ("starmap/two_replicates_cells", 770, 423, 192.5),
}
BULBS = {"bulb Rep4, every other spot": "Rep4", "bulb Rep9, every other spot": "Rep9"}
SHARES = {f"simulated, shared {s:g}": s for s in (1.0, 0.5, 0.0)}
SEED = 11


def real(name: str, path: str, pitch: float, diameter: float):
    cells = ad.read_h5ad(data_folder() / f"{path}.h5ad")
    cells.var_names_make_unique()
    cells.uns = {"spatial": {name: {"scalefactors": {"microns_per_pixel": 1.0}}}}
    cells.obs["sample_id"] = name
    spots, _ = hb.data.pseudo_spots(
        cells, pitch_microns=pitch, diameter_microns=diameter, labels=None
    )
    return spots, cells


def bulb(name: str):
    """Spots of one colour of the chess board, and all of them as the truth."""
    truth = sections_with_images.load(data_folder() / "mob", [name])
    place = np.round(truth.obs[["array_x", "array_y"]].to_numpy(dtype=float))
    return truth[place.sum(axis=1) % 2 == 0].copy(), truth


def simulated(shared: float):
    tiles = hb.data.simulate_tissue(
        1,
        spots_per_side=40,
        n_genes=80,
        pitch_microns=50,
        spot_microns=50,
        microns_per_pixel=2,
        depth=400,
        shared=shared,
        seed=SEED,
    )
    spots, _ = hb.data.pseudo_spots(
        tiles, pitch_microns=200, diameter_microns=110, labels=None
    )
    return spots, tiles


def benchmark(name: str, systems: list[str] | str) -> pd.DataFrame:
    """Table of one data set."""
    options = {"cache": False, "progress": False}
    if name in CELLS:
        path, pitch, diameter, options["pixel_microns"] = CELLS[name]
        spots, truth = real(name, path, pitch, diameter)
    elif name in BULBS:
        # One point for every place of a spot.
        options |= {"pixel_microns": 200, "spot_microns": 150, "genes": 300}
        spots, truth = bulb(BULBS[name])
    else:
        options["pixel_microns"] = 50
        spots, truth = simulated(SHARES[name])
    made = hb.benchmark_resolution(
        spots, truth, systems=systems, dataset=name, **options
    )
    print(made.summary().drop(columns="protocol").to_string(index=False), flush=True)
    return made.table


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("datasets", nargs="*")
    parser.add_argument("--systems", nargs="*", default="all")
    asked, path = parser.parse_args(), RESULTS / "resolution.csv"
    every = [*CELLS, *BULBS, *SHARES]
    for name in asked.datasets or every:
        made = benchmark(name, asked.systems)
        known = pd.read_csv(path) if path.exists() else made[:0]
        again = (known["dataset"] == name) & known["system"].isin(made["system"])
        known = known[~again]
        parts = {n: known[known["dataset"] == n] for n in every}
        parts[name] = pd.concat([made, parts[name]])
        write("resolution", *parts.values())


if __name__ == "__main__":
    main()
