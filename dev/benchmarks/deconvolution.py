"""Every deconvolution system beside uniform, Dirichlet(1) and least squares.

Parts: STARmap spots with another section as reference; spots binned from the cells of
one mouse with another as reference; nine simulated patterns of three references; the
ablations of the image and the coverage of intervals on planted tissue. Settings were
chosen on other references (see ``PoissonDeconvolver``), never on these rows.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/deconvolution.py [PART ...]
       [--systems NAME ...]
Only the rows of results/deconvolution.csv that were asked for are replaced.
"""

import argparse

import anndata as ad
import numpy as np
import pandas as pd
from common import RESULTS, data_folder, write

import histobridge as hb
from histobridge.data.mixtures import PATTERNS

SEEDS = range(3)
KEYS = ["part", "dataset", "system", "status", "metric"]


def starmap(folder):
    """239 spots of 12 types, cells of another section as reference."""
    spots = ad.read_h5ad(folder / "deconvolution/starmap/spots.h5ad")
    spots.obsm["true_proportions"] = spots.obsm["true_prop"]
    cells = ad.read_h5ad(folder / "deconvolution/starmap/reference.h5ad")
    for seed in SEEDS:
        yield "starmap spots", spots, cells, seed


def mice(folder):
    """Squares of 750 pixels of one mouse, the cells of the other as reference."""
    both = {
        name: ad.read_h5ad(folder / f"starmap/{name}_control.h5ad")
        for name in ("20180417_BZ5", "20180419_BZ9")
    }
    for binned, other in (tuple(both), tuple(both)[::-1]):
        cells = both[binned][both[binned].obs["cell_type"].notna()].copy()
        cells.uns.clear()
        reference = both[other]
        shared = set(reference.obs["cell_type"]) & set(cells.obs["cell_type"])
        cells = cells[cells.obs["cell_type"].isin(shared)].copy()
        spots, _ = hb.data.pseudo_spots(
            cells,
            pitch_um=750,
            diameter_um=None,
            lattice="square",
            microns_per_pixel=1.0,
            least_cells=2,
        )
        for seed in SEEDS:
            yield f"{binned[-3:]} from {other[-3:]}", spots, reference, seed


def patterns(folder):
    """Half of the cells mixed into 80 spots, the other half as reference."""
    cells = ad.read_h5ad(folder / "starmap/two_replicates_cells.h5ad")
    second = cells[cells.obs["replicate"] == cells.obs["replicate"].unique()[-1]]
    sources = {
        "starmap": second,
        "mpfc": ad.read_h5ad(folder / "starmap/20180419_BZ9_control.h5ad"),
        "xenium": ad.read_h5ad(folder / "xenium_breast/xenium_breast.h5ad")[::4],
    }
    for name, source in sources.items():
        source = source[np.asarray(source.X.sum(axis=1)).ravel() > 0].copy()
        source.var_names_make_unique()
        count = source.obs["cell_type"].value_counts()
        enough = source.obs["cell_type"].isin(count.index[count >= 6])
        source = source[enough.to_numpy()].copy()
        source.obs = pd.DataFrame(
            {"cell_type": source.obs["cell_type"].astype(str)}, index=source.obs_names
        )
        for number, pattern in enumerate(PATTERNS):
            spots, rest = hb.data.simulate_spots(
                source,
                pattern=pattern,
                spots_per_region=16,
                depth=None,
                platform_sd=0.3,
                seed=number,
            )
            yield f"{name} {pattern}", spots, rest, 0


def scored(part, folder, systems):
    """Mean and spread over seeds of every metric of every system."""
    tables = []
    for dataset, spots, reference, seed in PARTS[part](folder):
        found = hb.benchmark_deconvolution(
            spots,
            reference,
            systems=systems,
            dataset=dataset,
            n_bootstrap=100,
            seed=seed,
            progress=False,
        )
        tables.append(found.table.assign(part=part, seed=seed))
        if seed == 0:
            print(found.summary().to_string(index=False), flush=True)
    rows = pd.concat(tables)
    rows = rows[rows["fold"] == "all"]
    grouped = rows.groupby(KEYS, sort=False)
    found = grouped[["value", "lower", "upper", "seconds", "n"]].mean()
    found.insert(1, "spread", grouped["value"].std(ddof=0))
    found["seeds"] = grouped["seed"].nunique()
    return found.reset_index().assign(
        version=rows["version"].iloc[0], date=rows["date"].iloc[0]
    )


def planted():
    """Image used, ignored, shuffled; intervals. Truth planted, three tissues."""
    rows = []
    for shared, depth in ((1.0, 100), (0.0, 100), (1.0, 1000)):
        for seed in SEEDS:
            tissue = hb.data.simulate_tissue(
                1, spots_per_side=16, shared=shared, depth=depth, seed=seed
            )
            cells = hb.data.simulate_reference(60, seed=seed)
            hb.add_morphology(tissue, "colour", cache=False, progress=False)
            truth = tissue.obsm["true_proportions"]
            for image, graph in ARMS:
                hb.deconvolve(
                    tissue, cells, image=image, graph=graph, level=0.9, seed=seed
                )
                found = tissue.obsm["proportions"][truth.columns]
                inside = (truth >= tissue.obsm["proportions_lower"]) & (
                    truth <= tissue.obsm["proportions_upper"]
                )
                error = np.sqrt(((found - truth) ** 2).mean(axis=1)).mean()
                values = {"rmse_spot": error, "coverage_90": inside.mean(axis=None)}
                for metric, value in values.items():
                    name = f"poisson_image (graph {graph}, image {image})"
                    dataset = f"tissue shared={shared:g} depth={depth}"
                    rows.append((dataset, name, "house", metric, value))
    table = pd.DataFrame(rows, columns=[*KEYS[1:], "value"]).assign(part="planted")
    grouped = table.groupby(KEYS, sort=False)["value"]
    found = grouped.mean().to_frame()
    found["spread"], found["seeds"] = grouped.std(ddof=0), len(SEEDS)
    return found.reset_index()


ARMS = (
    ("use", "auto"),
    ("ignore", "auto"),
    ("shuffle", "auto"),
    ("use", "image"),
    ("shuffle", "image"),
    ("use", "none"),
)
PARTS = {"starmap": starmap, "mice": mice, "patterns": patterns}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=[*PARTS, "planted"])
    parser.add_argument("--systems", nargs="+", default=["all"])
    asked = parser.parse_args()
    folder = data_folder()
    path = RESULTS / "deconvolution.csv"
    for part in asked.parts:
        new = planted() if part == "planted" else scored(part, folder, asked.systems)
        old = [pd.read_csv(path)] if path.exists() else []
        # The newest of rows with the same key.
        rows = pd.concat([*old, new]).drop_duplicates(KEYS, keep="last")
        write("deconvolution", rows.sort_values(KEYS[:2], kind="stable"))


if __name__ == "__main__":
    main()
