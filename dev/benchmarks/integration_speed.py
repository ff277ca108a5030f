"""How long domains take: bins of Visium HD by number, and STAGATE against plain layers.

Usage: python dev/benchmarks/integration_speed.py [--sizes 50000 100000 600000]
           [--stagate]

Simulated bins have 2,000 genes and 80 counts each, in ten layers; every size runs in a
process of its own, so that its peak memory is its own; processor seconds do not
depend on what else the machine does. ``--stagate`` needs
HISTOBRIDGE_DATA and compares, in one process on section 151673, the time of an epoch of
plain torch-geometric attention layers with those of the system here.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from datetime import date
from itertools import pairwise

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import RESULTS, data_folder, write

import histobridge as hb

GENES, COUNTS, LAYERS = 2000, 80, 10


def bins(n: int, seed: int = 0) -> ad.AnnData:
    """Square lattice of about ``n`` bins of 8 um in ten wavy layers."""
    rng = np.random.default_rng(seed)
    side = round(np.sqrt(n))
    row, column = np.divmod(np.arange(side**2), side)
    wave = row / side + 0.03 * np.sin(column / side * 12)
    layer = np.digitize(wave, np.linspace(0, 1, LAYERS + 1)[1:-1])
    total = rng.poisson(COUNTS, side**2)
    base = rng.dirichlet(np.full(GENES, 0.5))
    gene = np.empty(total.sum(), dtype=np.int32)
    spot = np.repeat(np.arange(side**2), total)
    for label in range(LAYERS):
        share = base * np.exp(rng.normal(0, 0.7, GENES) * (rng.random(GENES) < 0.2))
        mine = layer[spot] == label
        gene[mine] = rng.choice(GENES, mine.sum(), p=share / share.sum())
    counts = sp.csr_matrix(
        (np.ones(len(gene), dtype=np.float32), (spot, gene)), (side**2, GENES)
    )
    adata = ad.AnnData(counts)
    adata.obsm["spatial"] = np.column_stack([column, row]) * 8.0
    adata.obs["layer"] = layer.astype(str)
    return adata


def one_size(n: int) -> dict:
    """Seconds and peak memory of the house default."""
    from sklearn.metrics import adjusted_rand_score

    adata = bins(n)
    before = peak_gb()
    started, clock = time.process_time(), time.perf_counter()
    hb.find_domains(adata, LAYERS)
    return {
        "task": "gpca_consensus",
        "spots": adata.n_obs,
        "cpu_seconds": time.process_time() - started,
        "seconds": time.perf_counter() - clock,
        "peak_gb": peak_gb(),
        "data_gb": before,
        "ari": adjusted_rand_score(adata.obs["layer"], adata.obs["domain"]),
    }


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def stagate() -> list[dict]:
    """Seconds of an epoch: plain layers, all genes here, and the default here."""
    import torch

    from histobridge import registry
    from histobridge.integration.systems.stagate import stagate_inputs

    adata = ad.read_h5ad(data_folder() / "dlpfc/151673_hvg_allspots.h5ad")
    adata.var_names_make_unique()
    adata.uns.clear()
    inputs = stagate_inputs(adata, 0, as_published=True)
    edges = inputs["graph"].tocoo()
    index = torch.from_numpy(np.stack([edges.col, edges.row]).astype(np.int64))
    dense = torch.from_numpy(inputs["x"].toarray().astype(np.float32))
    rows = [{"task": "stagate: plain torch-geometric", **plain(dense, index)}]
    for name, params in (("all genes", {"as_published": True}), ("default", {})):
        build = registry.find("stagate", "domains").create
        seconds = {}
        for epochs in (2, 12):
            started = time.process_time()
            build(epochs=epochs, **params).fit(adata)
            seconds[epochs] = time.process_time() - started
        per_epoch = (seconds[12] - seconds[2]) / 10
        rows.append({"task": f"stagate: {name}", "cpu_seconds_per_epoch": per_epoch})
    planned = {"plain torch-geometric": 1000, "all genes": 1000, "default": 200}
    for row in rows:
        row["spots"] = adata.n_obs
        row["epochs"] = planned[row["task"].removeprefix("stagate: ")]
        row["cpu_seconds"] = row["cpu_seconds_per_epoch"] * row["epochs"]
        row["peak_gb"] = peak_gb()
    return rows


def plain(x, index, epochs: int = 5) -> dict:
    """Two attention layers there and back on dense genes, as users write it."""
    import torch
    from torch_geometric.nn import GATConv

    torch.manual_seed(0)
    widths = [x.shape[1], 512, 30, 512, x.shape[1]]
    layers = torch.nn.ModuleList(
        GATConv(one, other, add_self_loops=False) for one, other in pairwise(widths)
    )
    optimizer = torch.optim.Adam(layers.parameters(), 1e-3, weight_decay=1e-4)
    started = time.process_time()
    for _ in range(epochs):
        h = x
        for depth, layer in enumerate(layers):
            h = layer(h, index)
            h = torch.nn.functional.elu(h) if depth % 2 == 0 else h
        loss = torch.nn.functional.mse_loss(h, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {"cpu_seconds_per_epoch": (time.process_time() - started) / epochs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[])
    parser.add_argument("--stagate", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one_size(options.one)))
        return
    rows = []
    for size in options.sizes:
        command = [sys.executable, __file__, "--one", str(size)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    rows += stagate() if options.stagate else []
    table = pd.DataFrame(rows).assign(
        threads=os.environ.get("OMP_NUM_THREADS", "all"),
        version=hb.__version__,
        date=date.today().isoformat(),
    )
    path = RESULTS / "integration_speed.csv"
    if path.exists():
        known = pd.read_csv(path)
        both = pd.concat([known, table])
        table = both.drop_duplicates(["task", "spots"], keep="last")
    write("integration_speed", table)


if __name__ == "__main__":
    main()
