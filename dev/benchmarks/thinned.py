"""Settings of the house default for domains, on draws of genes and counts.

A setting that is better on one section may be so by luck: every section is drawn
several times, 60 % of its genes and of each count 70 %, and settings are compared by
the mean adjusted Rand index over draws. ``default_there`` is the default on the same
sections, ``better`` the share of them where a setting is above it.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/thinned.py [--draws 6]
"""

import argparse
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp
from common import data_folder, stamped, write
from labelled import SECTIONS, section
from peers import source
from sklearn.metrics import adjusted_rand_score

from histobridge import contract
from histobridge.integration.gpca import (
    BOTH,
    PANEL,
    TRANSCRIPTOME,
    GraphPCAConsensus,
)

GENES, COUNTS = 0.6, 0.7
SMALL = [name for name in SECTIONS if name.startswith(("mob", "her2st", "starmap"))]
DEFAULT = "default"
CORTEX = ("151673", "151674", "151675", "151676")
SETTINGS = {
    DEFAULT: {},
    "as of a panel": {"views": PANEL},
    "as of a transcriptome": {"views": TRANSCRIPTOME},
    "genes as they vary": {"views": ((False, BOTH),)},
    "both starts on both": {"views": ((False, BOTH), (True, BOTH))},
    "the other start on each": {"views": ((False, ("ward",)), (True, ("kmeans",)))},
    "4 neighbours": {"neighbours": 4},
    "8 neighbours": {"neighbours": 8},
    "smoothing x 1, 2, 4": {"factors": (1.0, 2.0, 4.0)},
    "smoothing x 1": {"factors": (1.0,)},
}
SLOW = (DEFAULT, "as of a panel", "both starts on both")
"""Settings that are tried on cortex too, where each takes half a minute."""


def draw(adata: ad.AnnData, seed: int) -> ad.AnnData:
    """Some of the genes and of the counts; empty spots and genes go."""
    rng = np.random.default_rng(seed)
    counts = sp.csr_matrix(contract.counts(adata))[:, rng.random(adata.n_vars) < GENES]
    counts.data = rng.binomial(counts.data.astype(int), COUNTS).astype(float)
    counts.eliminate_zeros()
    spots = np.asarray(counts.sum(axis=1)).ravel() > 0
    counts = counts[spots]
    counts = counts[:, np.asarray(counts.sum(axis=0)).ravel() > 0]
    thin = ad.AnnData(counts, obs=adata.obs[["sample_id"]][spots])
    thin.obsm["spatial"] = adata.obsm["spatial"][spots]
    return thin


def cortex(name: str) -> tuple[ad.AnnData, pd.Series] | None:
    """A section with all its genes, from the source archive of PASTE2 (BSD-3)."""
    folder = source("paste2==1.0.1")
    if folder is None:
        return None
    adata = ad.read_h5ad(folder / "sample_data" / f"{name}.h5ad")
    labels = adata.obs["layer_guess_reordered"].dropna().astype(str)
    adata = adata[labels.index].copy()
    adata.var_names_make_unique()
    adata.uns.clear()
    adata.obs = pd.DataFrame({"sample_id": name}, index=adata.obs_names)
    return adata, labels


def runs(draws: int) -> pd.DataFrame:
    rows = []
    large = {f"dlpfc {name}, all genes": cortex(name) for name in CORTEX}
    read = {name: section(name, data_folder()) for name in SMALL}
    for name, found in (read | large).items():
        if found is None:
            continue
        adata, labels = found
        tried = SLOW if name in large else SETTINGS
        for seed in range(draws):
            thin = draw(adata, seed)
            truth = labels[thin.obs_names]
            for setting, options in ((s, SETTINGS[s]) for s in tried):
                model = GraphPCAConsensus(seed=seed, image=False, **options)
                found = model.fit_predict(thin, truth.nunique())
                ari = adjusted_rand_score(truth, found)
                rows.append(
                    {"section": name, "setting": setting, "draw": seed, "ari": ari}
                )
        print(pd.DataFrame(rows).groupby(["section", "setting"])["ari"].mean())
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Mean and spread over draws, per section and over all of them."""
    parts = table.groupby(["section", "setting"], sort=False)["ari"]
    rows = parts.agg(ari="mean", spread="std", draws="size").reset_index()
    return with_means(rows)


def with_means(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over the sections where a setting was tried, the default's beside them."""
    means = rows.pivot_table("ari", "section", "setting")
    tried = means.notna()
    whole = pd.DataFrame(
        {
            "setting": means.columns,
            "section": "all",
            "ari": means.mean().to_numpy(),
            "default_there": [means.loc[tried[s], DEFAULT].mean() for s in means],
            "better": [
                means.loc[tried[s], s].gt(means.loc[tried[s], DEFAULT]).mean()
                for s in means
            ],
            "sections": tried.sum().to_numpy(),
        }
    )
    return pd.concat([whole, rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=6)
    warnings.simplefilter("ignore")
    write("thinned", stamped(summary(runs(parser.parse_args().draws)), 0))


if __name__ == "__main__":
    main()
