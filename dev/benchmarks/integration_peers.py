"""Recipes against the packages they come from: time, memory, agreement, one data set.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/integration_peers.py
           [--pairs spagcn graphst stagate] [--data 151673 simulated] [--spots 3611]
           [--seeds 1] [--peer-epochs 0] [--minutes 15]

Every run has a process of its own with one thread, so that memory is its own; peers
live in environments of their own. Half a gigabyte of a peak are libraries, whatever the
data: ``data_gb`` is what a run takes above the same run on 400 simulated bins.
STAGATE's peer is a plain torch-geometric version (four GATConv on 3,000 dense genes,
1,000 epochs). With ``--peer-epochs N`` a peer
trains N epochs only and the seconds of all its epochs are extrapolated from them
(column ``extrapolated``; then it has no ARI). Seconds are processor seconds, without
import and reading. ``--spots`` below the size of the section takes a square crop from
its middle; simulated bins are those of integration_speed.py.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
from common import RESULTS, data_folder, write
from peers import environment
from sklearn.metrics import adjusted_rand_score

import histobridge as hb

PEERS = {
    "spagcn": (
        "torch==2.13.0",
        "SpaGCN",
        "louvain>=0.8",
        "setuptools<81",
        # Later ones hand scanpy arrays that it does not know.
        "pynndescent<0.6",
        "scikit-learn<1.7",
        "scipy<1.15",
        "scanpy",
    ),
    "graphst": ("torch==2.13.0", "GraphST", "POT", "scanpy", "scikit-misc"),
    "stagate": (),
}
SHOWN = {
    "spagcn": "PyPI SpaGCN",
    "graphst": "PyPI GraphST",
    "stagate": "plain torch-geometric GATConv",
}
EPOCHS = {"graphst": 600, "stagate": 1000, "spagcn": 200}
SCRIPTS = Path(__file__).parent / "peer_scripts"
LEAST_SPOTS = 400


def data(name: str, spots: int) -> tuple[ad.AnnData, pd.Series]:
    """Counts and positions, and labels."""
    if name == "simulated":
        from integration_speed import bins

        adata = bins(spots)
        labels = adata.obs.pop("layer")
        adata.var_names = [f"gene{i}" for i in range(adata.n_vars)]
        return adata, labels
    from labelled import section

    adata, labels = section(f"dlpfc {name}", data_folder())
    away = np.abs(adata.obsm["spatial"] - np.median(adata.obsm["spatial"], axis=0))
    middle = np.sort(np.argsort(away.max(axis=1))[:spots])
    return adata[middle].copy(), labels.iloc[middle]


def run(pair: str, who: str, path: Path, k: int, seed: int, epochs: int) -> dict:
    """What one process reports; its domains or embedding lie beside ``path``."""
    python, script = Path(sys.executable), SCRIPTS / f"{pair}.py"
    if who == "ours":
        script = SCRIPTS / "ours.py"
    elif PEERS[pair]:
        python = environment(PEERS[pair])
    if python is None:
        return {}
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH" or who == "ours"}
    clean |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    words = [python, script, path, pair, k, seed, epochs]
    done = subprocess.run(
        [str(w) for w in words], stdout=subprocess.PIPE, text=True, env=clean
    )
    if done.returncode:
        print(f"{pair}, {who}: failed")
        return {}
    return json.loads(done.stdout.splitlines()[-1])


def row(pair: str, who: str, path: Path, labels: pd.Series, seed: int, part: int):
    """One row: seconds of everything, peak memory, agreement with the labels."""
    short = part if who == "peer" else 0
    found = run(pair, who, path, labels.nunique(), seed, short)
    if not found:
        return None
    total = found["setup_cpu"] + found["train_cpu"]
    if short:
        share = EPOCHS[pair] / found["epochs"]
        total = found["setup_cpu"] + found["train_cpu"] * share
    return {
        "cpu_seconds": total,
        "wall_seconds_of_run": found["wall"],
        "peak_gb": found["peak_gb"],
        "extrapolated": bool(short),
        "epochs_run": found["epochs"],
        "ari": np.nan if short else _ari(path, labels, seed),
        "load": os.getloadavg()[1],
    }


def _ari(path: Path, labels: pd.Series, seed: int) -> float:
    """Agreement of domains; an embedding gets the same mixture as everybody."""
    found = np.load(path.with_suffix(".npy"))
    if found.ndim == 2:
        from sklearn.decomposition import PCA

        from histobridge.integration import SharedCovarianceMixture

        found = PCA(min(20, found.shape[1]), random_state=0).fit_transform(found)
        model = SharedCovarianceMixture(labels.nunique(), seed=seed)
        found = model.fit_predict(found)
    return adjusted_rand_score(labels, found)


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds, ours beside the peer, and their ratios."""
    key = ["pair", "data", "spots"]
    columns = ["cpu_seconds", "peak_gb", "ari"]
    means = runs.pivot_table(index=key, columns="who", values=columns)
    means.columns = [f"{who}_{column}" for column, who in means.columns]
    seeds = runs.pivot_table(index=key, columns="who", values="seed", aggfunc="nunique")
    means = means.join(seeds.add_suffix("_seeds"))
    if "peer_cpu_seconds" in means:
        means["times_faster"] = means["peer_cpu_seconds"] / means["ours_cpu_seconds"]
        means["times_less_memory"] = means["peer_peak_gb"] / means["ours_peak_gb"]
        cut = runs[runs["who"] == "peer"].groupby(key)["extrapolated"].any()
        means["peer_extrapolated"] = cut
    means = means.reset_index()
    means = with_data_memory(means)
    means.insert(1, "peer", means["pair"].map(SHOWN))
    return means.assign(version=hb.__version__, date=date.today().isoformat())


def with_data_memory(means: pd.DataFrame) -> pd.DataFrame:
    """What data take of the peaks, where the few simulated bins were run too."""
    small = means["data"].eq("simulated") & means["spots"].eq(LEAST_SPOTS)
    least = means[small].set_index("pair")
    for who in ("ours", "peer"):
        if f"{who}_peak_gb" in means:
            above = means[f"{who}_peak_gb"] - means["pair"].map(least[f"{who}_peak_gb"])
            means[f"{who}_data_gb"] = above.where(means["spots"] > LEAST_SPOTS)
    if "peer_data_gb" in means:
        means["times_less_data_memory"] = means["peer_data_gb"] / means["ours_data_gb"]
    return means


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", nargs="*", default=list(PEERS))
    parser.add_argument("--data", nargs="*", default=["151673"])
    parser.add_argument("--spots", type=int, default=10**9)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--peer-seeds", type=int, default=1)
    parser.add_argument("--peer-epochs", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--ours-only", action="store_true")
    options = parser.parse_args()
    stop = time.monotonic() + 60 * options.minutes
    file = RESULTS / "integration_peer_runs.csv"
    key = ["pair", "data", "spots", "who", "seed"]
    runs = pd.DataFrame()
    if file.exists():
        runs = pd.read_csv(file, dtype={"data": str})
        runs = runs.drop_duplicates(key, keep="last")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.data:
            adata, labels = data(name, options.spots)
            path = Path(folder) / f"{name}.h5ad"
            adata.write_h5ad(path)
            for pair in options.pairs:
                todo = [("ours", seed) for seed in range(options.seeds)]
                if not options.ours_only:
                    todo += [("peer", seed) for seed in range(options.peer_seeds)]
                for who, seed in todo:
                    facts = (pair, name, adata.n_obs, who, seed)
                    known = len(runs) and (runs[key] == list(facts)).all(axis=1).any()
                    if known or time.monotonic() > stop:
                        continue
                    found = row(pair, who, path, labels, seed, options.peer_epochs)
                    if found is None:
                        continue
                    one = {**dict(zip(key, facts, strict=True)), **found}
                    print(one, flush=True)
                    runs = pd.concat([runs, pd.DataFrame([one])])
                    save(runs)
    if len(runs):
        save(runs)


def save(runs: pd.DataFrame) -> None:
    """Runs, and means of ours beside the peer."""
    write("integration_peer_runs", runs)
    write("integration_peers", summary(runs))


if __name__ == "__main__":
    main()
