"""rctd beside the outputs of R's spacexr.

Two comparisons, with R's results as they ship in the tests of PyPI rctd-py: 300 beads
of hippocampus, with the inputs of R's step per bead (profiles after the platform fit,
sigma), so that the step alone is compared; and the Slide-seq vignette from raw counts.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/deconvolution_parity.py
"""

import datetime

import anndata as ad
import numpy as np
import pandas as pd
import peers
import scipy.sparse as sp
from common import data_folder, write

import histobridge as hb
from histobridge.deconvolution.heavy_tail import heavy_tail
from histobridge.deconvolution.mixtures_of_few import FewTypes, doublets
from histobridge.deconvolution.robust_newton import robust_weights

SOURCE = "rctd-py==0.4.0"


def beads(fixtures):
    """R's inputs per bead in, calls compared."""
    given = np.load(fixtures / "hippocampus_pixels" / "inputs.npz")
    r = pd.read_csv(fixtures / "hippocampus_pixels" / "r_results.csv", index_col=0)
    counts, depth = given["counts"].astype(float), given["nUMI"].astype(float)
    problem = counts, given["profiles"], depth, heavy_tail(float(given["sigma"]))
    weights, _, _ = robust_weights(*problem)
    _, facts = doublets(FewTypes(*problem), weights, 5.0, 20.0)
    types = given["cell_types"]
    return {
        "beads": len(r),
        "same spot_class": (facts["spot_class"] == r["spot_class"]).mean(),
        "same first_type": (types[facts["first_type"]] == r["first_type"]).mean(),
        "same second_type": (types[facts["second_type"]] == r["second_type"]).mean(),
        "largest score difference": np.abs(facts["min_score"] - r["min_score"]).max(),
    }


def table(path, **obs):
    frame = pd.read_csv(path, index_col=0).T
    return ad.AnnData(
        sp.csr_matrix(frame.to_numpy(dtype=float)),
        obs=pd.DataFrame(obs, index=frame.index),
        var=pd.DataFrame(index=frame.columns.astype(str)),
    )


def vignette(fixtures, folder):
    """From raw counts, so that the platform fit and sigma are compared too."""
    cells = table(folder / "Reference__Vignette__dge.csv")
    cluster = pd.read_csv(
        folder / "Reference__Vignette__meta_data.csv", index_col="barcode"
    )["cluster"]
    cells.obs["cell_type"] = [f"{c:02d}" for c in cluster.reindex(cells.obs_names)]
    spots = table(folder / "SpatialRNA__Vignette__MappedDGEForR.csv")
    r = pd.read_csv(fixtures / "vignette" / "r_weights.csv", index_col="barcode")
    facts = pd.read_csv(fixtures / "vignette" / "r_results_df.csv", index_col="barcode")
    r.columns = [f"{int(c):02d}" for c in r.columns]
    hb.deconvolve(spots, cells, system="rctd", as_published=True, key_added="full")
    hb.deconvolve(
        spots, cells, system="rctd", mode="doublet", as_published=True, key_added="pair"
    )
    ours = spots.obsm["full"].loc[r.index, r.columns].to_numpy()
    theirs = r.div(r.sum(axis=1), axis=0).to_numpy()
    obs = spots.obs.loc[r.index]
    return {
        "beads": len(r),
        "sigma": spots.uns["histobridge"]["full"]["sigma"],
        "correlation of weights": np.corrcoef(ours.ravel(), theirs.ravel())[0, 1],
        "largest weight difference": np.abs(ours - theirs).max(),
        "same spot_class": (
            obs["pair_spot_class"].astype(str) == facts["spot_class"]
        ).mean(),
        "same first_type": (
            obs["pair_first_type"].astype(int) == facts["first_type"]
        ).mean(),
    }


def main() -> None:
    folder = data_folder() / "deconvolution" / "spacexr_vignettes"
    unpacked = peers.source(SOURCE)
    if unpacked is None:
        return
    fixtures = unpacked / "tests" / "fixtures"
    found = {
        "hippocampus beads, R's inputs": beads(fixtures),
        "Slide-seq vignette, raw counts": vignette(fixtures, folder),
    }
    rows = [(name, m, v) for name, part in found.items() for m, v in part.items()]
    result = pd.DataFrame(rows, columns=["comparison", "metric", "value"])
    print(result.to_string(index=False))
    today = datetime.date.today().isoformat()
    write("deconvolution_parity", result.assign(version=hb.__version__, date=today))


if __name__ == "__main__":
    main()
