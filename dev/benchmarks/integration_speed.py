"""How time and memory of domains grow with the number of Visium HD bins.

Usage: python dev/benchmarks/integration_speed.py
           [--sizes 60000 200000 600000] [--systems gpca_consensus stagate]
           [--epochs 2]

Simulated bins have 2,000 genes and 80 counts each, in ten layers. Every size runs in a
process of its own, so that its peak memory is its own. Processor seconds do not depend
on what else the machine does; seconds on the clock do, so that the load of the machine
(processes that want a core) stands beside them. With ``--epochs`` only the training of
STAGATE's network by tiles is timed, on as many epochs and on random components, and the
seconds of all its epochs are extrapolated.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from datetime import date

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import RESULTS, write

import histobridge as hb
from histobridge.evaluation.cost import peak_mb

GENES, COUNTS, LAYERS = 2000, 80, 10
TARGET = {"gpca_consensus": 300, "stagate": 1800}
"""Seconds that 600,000 bins may take."""


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


def one_size(system: str, n: int) -> dict:
    """Seconds and peak memory of a system on about ``n`` bins."""
    from sklearn.metrics import adjusted_rand_score

    adata = bins(n)
    data = peak_gb()
    started, clock = time.process_time(), time.perf_counter()
    hb.find_domains(adata, LAYERS, system=system, seeds=1)
    cpu = time.process_time() - started
    return {
        "system": system,
        "spots": adata.n_obs,
        "cpu_seconds": cpu,
        "seconds": time.perf_counter() - clock,
        "cpu_us_per_spot": 1e6 * cpu / adata.n_obs,
        "target_seconds_at_600k": TARGET.get(system),
        "data_gb": data,
        "peak_gb": peak_gb(),
        "ari": adjusted_rand_score(adata.obs["layer"], adata.obs["domain"]),
        **conditions(),
    }


def epochs_of_stagate(n: int, epochs: int) -> dict:
    """Processor seconds of an epoch by tiles with halo."""
    from histobridge import graphs
    from histobridge.integration import neural
    from histobridge.integration.features import spatial_rings
    from histobridge.integration.networks.attention import AttentionAutoencoder
    from histobridge.integration.systems.stagate import FAST
    from histobridge.nn import training

    side = round(np.sqrt(n))
    row, column = np.divmod(np.arange(side**2), side)
    adata = ad.AnnData(sp.csr_matrix((side**2, 1), dtype=np.float32))
    adata.obsm["spatial"] = np.column_stack([column, row]) * 8.0
    x = np.random.default_rng(0).normal(size=(side**2, 100)).astype(np.float32)
    square = np.array([(x.astype(float) ** 2).sum()])
    spent: list[float] = []
    train = training.train

    def timed(*arguments, **options):
        started = time.process_time()
        train(*arguments, **options)
        spent.append(time.process_time() - started)

    training.train = timed
    graph = graphs.with_self(spatial_rings(adata))
    inputs = {"x": x, "graph": graph, "pruned": None, "square": square}
    neural.Neural(
        lambda *_: inputs,
        lambda _: AttentionAutoencoder(100, 128),
        FAST.but(epochs=epochs),
    )(adata, 0)
    return {
        "system": "stagate, training by tiles",
        "spots": adata.n_obs,
        "cpu_seconds_per_epoch": spent[0] / epochs,
        "target_seconds_at_600k": TARGET["stagate"],
        "peak_gb": peak_gb(),
        "extrapolated": True,
        **conditions(),
    }


def extrapolated(table: pd.DataFrame) -> pd.DataFrame:
    """Seconds of all epochs, as many as so many tiles get, from those of one."""
    from histobridge.integration.neural import TILE
    from histobridge.integration.systems.stagate import FAST, LEAST_EPOCHS

    if "cpu_seconds_per_epoch" not in table:
        return table
    tiles = 2 ** np.ceil(np.log2(np.maximum(table["spots"] / TILE, 1)))
    epochs = np.maximum(LEAST_EPOCHS, FAST.epochs // tiles)
    whole = table["cpu_seconds_per_epoch"] * epochs
    table = table.assign(epochs=epochs.where(whole.notna()))
    table["cpu_seconds"] = whole.fillna(table["cpu_seconds"])
    table["cpu_us_per_spot"] = 1e6 * table["cpu_seconds"] / table["spots"]
    return table


def conditions() -> dict:
    """What the machine was doing, and when."""
    return {
        "load": os.getloadavg()[1],
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "seed": 0,
        "version": hb.__version__,
        "date": date.today().isoformat(),
    }


def peak_gb() -> float:
    return peak_mb() / 2**10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[60_000, 200_000])
    parser.add_argument("--systems", nargs="*", default=["gpca_consensus"])
    parser.add_argument("--epochs", type=int, default=0)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        warnings.simplefilter("ignore")
        system, size = options.one[0], int(options.one[1])
        epochs = options.epochs
        found = epochs_of_stagate(size, epochs) if epochs else one_size(system, size)
        print(json.dumps(found))
        return
    path = RESULTS / "integration_speed.csv"
    rows = pd.read_csv(path).to_dict("records") if path.exists() else []
    for system in options.systems:
        for size in options.sizes:
            command = [sys.executable, __file__, "--one", system, str(size)]
            command += ["--epochs", str(options.epochs)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if done.returncode:
                print(f"{system} on {size} bins failed")
                continue
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            print(rows[-1], flush=True)
            table = pd.DataFrame(rows)
            table = table.drop_duplicates(["system", "spots"], keep="last")
            # Saved after every size: the largest may be cut.
            table = table.sort_values(["system", "spots"])
            write("integration_speed", extrapolated(table))


if __name__ == "__main__":
    main()
