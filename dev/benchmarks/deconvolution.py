"""Every deconvolution system beside uniform, Dirichlet(1) and least squares.

Parts: STARmap spots with another section as reference; spots binned from the cells of
one mouse with another as reference; nine simulated patterns of three references; the
ablations of the image and of nuclei, and intervals, on planted tissue. Settings were
chosen on other references and tissues, never on these rows.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/deconvolution.py [PART ...]
       [--systems NAME ...] [--seeds 2] [--minutes 8]

Stops after so many minutes and goes on where it stopped when called again. Runs are
in results/deconvolution_runs.csv, means and spreads over seeds in
results/deconvolution.csv. What a new version has changed is run again after its rows
were taken out of the runs (--again with --systems).
"""

import argparse
import time
import warnings
from datetime import date

import anndata as ad
import numpy as np
import pandas as pd
from common import RESULTS, data_folder, write

import histobridge as hb
from histobridge import registry
from histobridge.data.mixtures import PATTERNS
from histobridge.evaluation.deconvolution import PROTOCOL, Deconvolution

KEYS = ["part", "dataset", "system", "status"]
SLOW = ("tangram", "destvi", "cell2location", "stereoscope", "starfysh", "rctd")
LEVEL = 0.9


def starmap(folder, seed):
    """239 spots of 12 types, cells of another section as reference."""
    spots = ad.read_h5ad(folder / "deconvolution/starmap/spots.h5ad")
    spots.obsm["true_proportions"] = spots.obsm["true_prop"]
    cells = ad.read_h5ad(folder / "deconvolution/starmap/reference.h5ad")
    yield "starmap spots", lambda: (spots, cells)


def mice(folder, seed):
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
            pitch_microns=750,
            diameter_microns=None,
            lattice="square",
            microns_per_pixel=1.0,
            least_cells=2,
        )
        yield f"{binned[-3:]} from {other[-3:]}", lambda s=spots, r=reference: (s, r)


def patterns(folder, seed):
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
            yield (
                f"{name} {pattern}",
                lambda source=source, pattern=pattern, number=number: (
                    hb.data.simulate_spots(
                        source,
                        pattern=pattern,
                        spots_per_region=16,
                        depth=None,
                        platform_sd=0.3,
                        seed=number + 100 * seed,
                    )
                ),
            )


TISSUES = {
    "depth=100": {"depth": 100},
    "depth=100 shared=0": {"depth": 100, "shared": 0.0},
    "depth=1000": {"depth": 1000},
    "depth=1000 platform=.3": {"depth": 1000, "platform_sd": 0.3},
}
ARMS = {
    "auto, image": {},
    "auto, image ignored": {"image": "ignore"},
    "auto, image shuffled": {"image": "shuffle"},
    "image graph": {"graph": "image"},
    "image graph, shuffled": {"graph": "image", "image": "shuffle"},
    "none": {"graph": "none"},
    "auto, nuclei of the image": {"nuclei": "image"},
    "auto, nuclei shuffled": {"nuclei": "image", "image": "shuffle"},
}


def planted(folder, seed):
    """Painted tissue whose image shares its composition, or does not."""
    for name, settings in TISSUES.items():

        def made(settings=settings):
            tissue = hb.data.simulate_tissue(
                1, spots_per_side=16, seed=seed, **settings
            )
            hb.add_morphology(tissue, "colour", cache=False, progress=False)
            return tissue, hb.data.simulate_reference(60, seed=seed)

        yield f"tissue {name}", made


PARTS = {"starmap": starmap, "mice": mice, "planted": planted, "patterns": patterns}


def arms(part: str) -> dict[str, tuple]:
    """Title -> entry and parameters of everything that a part compares, fast first."""
    if part == "planted":
        house = registry.find("poisson_image", "deconvolution")
        return {f"poisson_image ({arm})": (house, p) for arm, p in ARMS.items()}
    names = hb.list_systems("deconvolution")["name"]
    entries = [registry.find(name, "deconvolution") for name in names]
    # These parts have no image to take away.
    entries = [e for e in entries if e.status != "baseline" or "image" not in e.needs]
    entries.sort(key=lambda e: SLOW[::-1].index(e.name) if e.name in SLOW else -1)
    return {entry.name: (entry, {}) for entry in entries}


def one_run(problem: Deconvolution, entry, params: dict, seed: int) -> dict:
    """Scores, bounds by resampling spots, coverage, processor time."""
    fold = problem.folds(None, PROTOCOL)[0]
    if entry.status == "house":
        params = {"level": LEVEL, **params}
    model = entry.create(seed=seed, **params)
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = problem.answer(model, fold, entry.needs)
    row = {"cpu_seconds": time.process_time() - started, "n": len(answer)}
    part = next(problem.parts(fold, answer))
    row |= {name: float(f(part.content)) for name, f in problem.scores.items()}
    names = ("rmse_spot", "auprc")
    drawn = problem.replicates(part, problem.weights(part, 100), names)
    for name in names:
        row[f"{name}_lower"], row[f"{name}_upper"] = np.quantile(
            drawn[name], (0.025, 0.975)
        )
    if entry.status == "house":
        inside = (part.content.truth >= model.lower_ - 1e-9) & (
            part.content.truth <= model.upper_ + 1e-9
        )
        row["coverage_90"] = inside.mean()
        row["coverage_90_large"] = inside[answer > 0.1].mean()
        row["width_90"] = (model.upper_ - model.lower_).mean()
        row["prior"] = f"{model.graph_} {model.strength_:g}"
    return row


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over seeds of every metric, and means over data sets."""
    facts = [*KEYS, "seed", "n", "prior", "cpu_seconds", "version", "date"]
    bounds = [c for c in runs if c.endswith(("_lower", "_upper"))]
    metrics = [c for c in runs if c not in (*facts, *bounds)]
    tables, seeds = [], []
    for name in metrics:
        known = runs[runs[name].notna()]
        parts = known.groupby(KEYS, sort=False)
        table = parts[name].agg(value="mean", spread=lambda v: v.std(ddof=0))
        for end in ("lower", "upper"):
            column = f"{name}_{end}"
            table[end] = parts[column].mean() if column in runs else np.nan
        table["cpu_seconds"], table["n"] = (
            parts["cpu_seconds"].mean(),
            parts["n"].mean(),
        )
        table["seeds"], table["date"] = parts["seed"].nunique(), parts["date"].max()
        tables.append(table.reset_index().assign(metric=name))
        by_seed = known.groupby(["part", "system", "status", "seed"])[name].mean()
        seeds.append(by_seed.rename("value").reset_index().assign(metric=name))
    table = pd.concat(tables)
    whole = overall(table, pd.concat(seeds))
    return pd.concat([whole, table]).assign(version=hb.__version__)


def overall(table: pd.DataFrame, by_seed: pd.DataFrame) -> pd.DataFrame:
    """Means over the data sets of a part, where a system has all of them.

    ``spread`` is over seeds, ``between`` over data sets.
    """
    by = ["part", "system", "status", "metric"]
    parts = table.groupby(by, sort=False)
    found = parts[["value", "cpu_seconds", "n"]].mean()
    found["spread"] = by_seed.groupby(by)["value"].std(ddof=0)
    found["between"] = parts["value"].std(ddof=0)
    found["seeds"], found["date"] = parts["seeds"].min(), parts["date"].max()
    sets = table.groupby("part")["dataset"].nunique()
    full = (
        parts["dataset"].nunique()
        == sets.loc[found.index.get_level_values("part")].to_numpy()
    )
    found = found[full].reset_index()
    return found.assign(dataset=[f"mean of {sets[p]}" for p in found["part"]])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=[*PARTS])
    parser.add_argument("--systems", nargs="+")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--again", action="store_true")
    asked = parser.parse_args()
    folder, stop = data_folder(), time.monotonic() + 60 * asked.minutes
    path = RESULTS / "deconvolution_runs.csv"
    runs = pd.read_csv(path).to_dict("records") if path.exists() else []

    def wanted(part, system):
        named = not asked.systems or system.split(" ")[0] in asked.systems
        return part in asked.parts and named

    if asked.again:
        runs = [r for r in runs if not wanted(r["part"], r["system"])]
    done = {(r["dataset"], r["system"], r["seed"]) for r in runs}
    for seed in range(asked.seeds):
        for part in asked.parts:
            for title, (entry, params) in arms(part).items():
                if not wanted(part, title):
                    continue
                for dataset, made in PARTS[part](folder, seed):
                    if time.monotonic() > stop:
                        break
                    if (dataset, title, seed) in done:
                        continue
                    spots, reference = made()
                    problem = Deconvolution(spots, reference=reference)
                    facts = dict(
                        zip(KEYS, (part, dataset, title, entry.status), strict=True)
                    )
                    found = one_run(problem, entry, params, seed)
                    stamp = {
                        "version": hb.__version__,
                        "date": date.today().isoformat(),
                    }
                    runs.append({**facts, "seed": seed, **found, **stamp})
                    print(dataset, title, seed, found["rmse_spot"], flush=True)
    write("deconvolution_runs", pd.DataFrame(runs))
    write("deconvolution", summary(pd.DataFrame(runs)))


if __name__ == "__main__":
    main()
