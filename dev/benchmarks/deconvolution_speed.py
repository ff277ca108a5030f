"""Time and memory of the fast systems on many spots, beside PyPI flashdeconv.

100,000 spots x 20 types x 2,000 genes for ``flashdeconv`` here and there; 4,000 spots
x 20 types for the full mode of ``rctd`` and for ``poisson_image``. Every measurement
is a process of its own, so its peak memory is its own. On a machine that others use,
CPU seconds (over both cores) tell more than the clock.

Usage: python dev/benchmarks/deconvolution_speed.py
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import peers
from common import write

TASKS = {
    "flashdeconv": (100_000, {}),
    "nnls": (4_000, {}),
    "rctd": (4_000, {}),
    "poisson_image": (4_000, {"graph": "spatial", "strengths": [10.0]}),
}
TYPES, GENES, EACH = 20, 2000, 50

OURS = """
import json, resource, sys, time
import anndata as ad
import numpy as np
import histobridge as hb
folder, system, params = sys.argv[1:]
spots = ad.read_h5ad(f"{folder}/spots.h5ad")
cells = ad.read_h5ad(f"{folder}/cells.h5ad")
hb.registry.find(system, "deconvolution")
started, used = time.perf_counter(), time.process_time()
hb.deconvolve(spots, cells, system=system, **json.loads(params))
seconds = time.perf_counter() - started
cpu = time.process_time() - used
truth = np.load(f"{folder}/truth.npy")
error = float(np.sqrt(((spots.obsm["proportions"].to_numpy() - truth) ** 2).mean()))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([seconds, cpu, peak, error]))
"""

PEER = """
import json, resource, sys, time
import anndata as ad
import numpy as np
from flashdeconv import FlashDeconv
folder = sys.argv[1]
spots = ad.read_h5ad(f"{folder}/spots.h5ad")
cells = ad.read_h5ad(f"{folder}/cells.h5ad")
types = sorted(cells.obs["cell_type"].unique())
label = cells.obs["cell_type"].to_numpy()
mean = np.stack([np.asarray(cells.X[label == t].mean(axis=0)).ravel() for t in types])
def fit():
    model = FlashDeconv()
    return model.fit_transform(spots.X, mean, np.asarray(spots.obsm["spatial"]))
started, used = time.perf_counter(), time.process_time()
found = fit()
seconds = time.perf_counter() - started
cpu = time.process_time() - used
truth = np.load(f"{folder}/truth.npy")
found = np.asarray(found)
found = found / found.sum(axis=1, keepdims=True)
error = float(np.sqrt(((found - truth) ** 2).mean()))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([seconds, cpu, peak, error]))
"""


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
    spots.write_h5ad(folder / "spots.h5ad")
    cells.write_h5ad(folder / "cells.h5ad")
    np.save(folder / "truth.npy", truth)


def row(name: str, n: int, output: str) -> dict:
    seconds, cpu, peak, error = json.loads(output.strip().splitlines()[-1])
    print(
        f"{name}: {n} spots, {seconds:.1f} s ({cpu:.1f} s of CPU), "
        f"{peak:.0f} MB, RMSE {error:.3f}"
    )
    return {
        "system": name,
        "spots": n,
        "types": TYPES,
        "genes": GENES,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "peak_mb": peak,
        "rmse": error,
    }


def main() -> None:
    import datetime

    import histobridge

    rows = []
    for n in sorted({size for size, _ in TASKS.values()}):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            make(folder, n)
            for name, (size, params) in TASKS.items():
                if size != n:
                    continue
                command = [sys.executable, "-c", OURS, scratch, name]
                done = subprocess.run(
                    [*command, json.dumps(params)],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
                rows.append(row(name, n, done.stdout))
            found = peers.run(["flashdeconv==0.2.0", "anndata<0.13"], PEER, scratch)
            if found is not None:
                rows.append(row("flashdeconv 0.2.0 (PyPI)", n, found.stdout))
    table = pd.DataFrame(rows)
    table["version"] = histobridge.__version__
    table["date"] = datetime.date.today().isoformat()
    write("deconvolution_speed", table)


if __name__ == "__main__":
    main()
