"""Time, memory and accuracy beside flashdeconv, rctd-py, tangram-sc, cell2location.

Peers are of PyPI.

100,000 spots x 20 types x 2,000 genes for the fast system; 4,000 such spots for the
full mode of ``rctd`` (at one sigma, in both), ``tangram`` and ``poisson_image``; the
STARmap spots with another section as reference for all. Every measurement is a process
of its own, so its peak memory is its own. On a machine that others use, CPU seconds
(over both cores) tell more than the clock.

Usage: [HISTOBRIDGE_DATA=<folder>] python dev/benchmarks/deconvolution_speed.py
       [--minutes 10] [--again] [--datasets NAME ...]
Stops after so many minutes and goes on where it stopped when called again. A peer
that does not install or run has a row that says so.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import peers
from common import RESULTS, write
from deconvolution_peers import OURS, PACKAGES, script

import histobridge as hb
from histobridge.evaluation import metrics

FULL = {"sigma": 0.2}
LONG = {"epochs": 500}
TASKS = {
    "100,000 spots": {
        "flashdeconv": ("flashdeconv", {}, {}),
    },
    "4,000 spots": {
        "nnls": (None, {}, {}),
        "rctd": ("rctd-py", FULL, FULL),
        "flashdeconv": ("flashdeconv", {}, {}),
        "poisson_image": (None, {"graph": "spatial", "strengths": [10.0]}, {}),
        "tangram": ("tangram-sc", {}, LONG),
    },
    "STARmap spots": {
        "flashdeconv": ("flashdeconv", {}, {}),
        "rctd": ("rctd-py", {"sigma": 0.6}, {"sigma": 0.6}),
        "tangram": ("tangram-sc", {}, LONG),
        "cell2location": ("cell2location", {}, {"epochs": 6000}),
        "poisson_image": (None, {}, {}),
    },
}
"""System -> peer, our parameters, its parameters."""
TYPES, GENES, EACH = 20, 2000, 50
KEYS = ["dataset", "system", "source"]


def make(folder: Path, n: int) -> None:
    """Spots on a lattice, three types each, about 800 counts over 2,000 genes."""
    import anndata as ad
    import numpy as np
    import scipy.sparse as sp

    from histobridge.data.simulate_counts import type_names, type_profiles

    rng = np.random.default_rng(0)
    profiles, _ = type_profiles(0, GENES, TYPES)
    names = sorted(type_names(TYPES))
    order = [type_names(TYPES).index(name) for name in names]
    profiles = profiles[order]
    truth = np.zeros((n, TYPES))
    three = rng.random((n, TYPES)).argsort(axis=1)[:, :3]
    np.put_along_axis(truth, three, rng.dirichlet(np.ones(3), n), axis=1)
    blocks = [
        sp.csr_matrix(rng.poisson(800 * part @ profiles).astype(np.float32))
        for part in np.array_split(truth, max(1, n // 5000))
    ]
    side = int(np.ceil(np.sqrt(n)))
    points = np.stack(np.divmod(np.arange(n), side), axis=1).astype(float)
    spots = ad.AnnData(sp.vstack(blocks, format="csr"), obsm={"spatial": points})
    kind = np.repeat(np.arange(TYPES), EACH)
    cells = ad.AnnData(
        sp.csr_matrix(rng.poisson(2000 * profiles[kind]).astype(np.float32)),
        obs=pd.DataFrame({"cell_type": np.array(names)[kind]}, index=kind.astype(str)),
    )
    cells.obs_names_make_unique()
    cells.var_names = spots.var_names = [f"gene{i + 1:04d}" for i in range(GENES)]
    spots.obs_names = [f"spot{i + 1:06d}" for i in range(n)]
    spots.write_h5ad(folder / "spots.h5ad")
    cells.write_h5ad(folder / "cells.h5ad")
    np.save(folder / "truth.npy", truth)


def starmap(folder: Path) -> None:
    """239 spots of 12 types, cells of another section as reference."""
    import anndata as ad

    source = Path(os.environ.get("HISTOBRIDGE_DATA", "")) / "deconvolution/starmap"
    spots, cells = (ad.read_h5ad(source / f"{n}.h5ad") for n in ("spots", "reference"))
    truth = spots.obsm["true_prop"]
    np.save(folder / "truth.npy", truth[sorted(truth.columns)].to_numpy())
    del spots.obsm["true_prop"]
    spots.uns.clear()
    spots.write_h5ad(folder / "spots.h5ad")
    cells.write_h5ad(folder / "cells.h5ad")


def ours(folder: Path, system: str, params: dict) -> str:
    """Output of our own run."""
    given = json.dumps({"system": system, **params})
    done = subprocess.run(
        [sys.executable, "-c", script(OURS), folder, given],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def theirs(folder: Path, peer: str, params: dict) -> str | None:
    """Output of a peer, none where it does not run."""
    packages, body = PACKAGES[peer]
    done = peers.run(packages, script(body), folder, json.dumps(params), timeout=900)
    return None if done is None else done.stdout


def measured(folder: Path, output: str | None) -> dict:
    """Time, memory and errors of what a run has left in the folder."""
    if output is None:
        return {"note": "skipped: does not install or run here"}
    seconds, cpu, peak = json.loads(output.strip().splitlines()[-1])
    truth, found = (np.load(folder / f"{name}.npy") for name in ("truth", "found"))
    (folder / "found.npy").unlink()
    row = {"seconds": seconds, "cpu_seconds": cpu, "peak_mb": peak}
    row["rmse"] = metrics.spot_rmse(found, truth).mean()
    few = slice(None, 4000)
    row["auprc"] = metrics.area_under_precision_recall(found[few], truth[few])
    return row


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--datasets", nargs="+", default=[*TASKS])
    asked = parser.parse_args()
    stop = time.monotonic() + 60 * asked.minutes
    path = RESULTS / "deconvolution_speed.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    rows = [] if asked.again else [r for r in rows if "source" in r]
    done = {tuple(r[k] for k in KEYS) for r in rows}
    for dataset in asked.datasets:
        tasks = TASKS[dataset]
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            for system, (peer, params, given) in tasks.items():
                for source in filter(None, ("histobridge", peer)):
                    if (dataset, system, source) in done or time.monotonic() > stop:
                        continue
                    if not (folder / "truth.npy").exists():
                        prepare(folder, dataset)
                    own = source == "histobridge"
                    output = (
                        ours(folder, system, params)
                        if own
                        else theirs(folder, peer, given)
                    )
                    row = dict(zip(KEYS, (dataset, system, source), strict=True))
                    row |= {"parameters": json.dumps(params if own else given)}
                    row |= measured(folder, output)
                    row["version"] = hb.__version__ if own else PACKAGES[peer][0][0]
                    row["date"] = datetime.date.today().isoformat()
                    rows.append(row)
                    print(row, flush=True)
    table = pd.DataFrame(rows).dropna(axis=1, how="all")
    write("deconvolution_speed", table)


def prepare(folder: Path, dataset: str) -> None:
    """Files of a data set."""
    if dataset == "STARmap spots":
        starmap(folder)
    else:
        make(folder, int(dataset.split()[0].replace(",", "")))


if __name__ == "__main__":
    main()
