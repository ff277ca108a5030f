"""Resolution on pseudo-spots of cell-resolved data and of simulated tissue.

Xenium and MERFISH cells have no image here, so image systems are left out there. The
simulated tissue has one whose link to expression is planted: ``shared`` is the share
of the variance that the image knows. Design decisions were taken on other data
(osmFISH, STARmap, simulations of another seed).

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/resolution.py
"""

import anndata as ad
from common import data_folder, write

import histobridge as hb

CELLS = {
    # Name: file, distance of spots, their diameter and the grid, in microns. The
    # Xenium file is a tenth of its cells, so its spots are wider apart.
    "xenium breast": ("xenium_breast/xenium_breast", 600, 330, 150),
    "merfish poa": ("merfish_poa/merfish_poa", 100, 55, 25),
}
SEED = 11


def real(name: str, path: str, pitch: float, diameter: float):
    cells = ad.read_h5ad(data_folder() / f"{path}.h5ad")
    cells.var_names_make_unique()
    cells.uns = {"spatial": {name: {"scalefactors": {"microns_per_pixel": 1.0}}}}
    cells.obs["sample_id"] = name
    spots, _ = hb.data.pseudo_spots(
        cells, pitch_um=pitch, diameter_um=diameter, labels=None
    )
    return spots, cells


def simulated(shared: float):
    tiles = hb.data.simulate_tissue(
        1,
        spots_per_side=40,
        n_genes=80,
        pitch_um=50,
        spot_um=50,
        microns_per_pixel=2,
        depth=400,
        shared=shared,
        seed=SEED,
    )
    spots, _ = hb.data.pseudo_spots(tiles, pitch_um=200, diameter_um=110, labels=None)
    return spots, tiles


def benchmark(name: str):
    """Table of one data set."""
    if name in CELLS:
        path, pitch, diameter, grid = CELLS[name]
        spots, truth = real(name, path, pitch, diameter)
    else:
        grid = 50
        spots, truth = simulated(float(name.split()[-1]))
    made = hb.benchmark_resolution(
        spots, truth, systems="all", pixel_um=grid, dataset=name, cache=False
    )
    print(made.summary().drop(columns="protocol").to_string(index=False))
    return made.table


def main() -> None:
    names = [*CELLS, *(f"simulated, shared {s:g}" for s in (1.0, 0.5, 0.0))]
    write("resolution", *(benchmark(name) for name in names))


if __name__ == "__main__":
    main()
