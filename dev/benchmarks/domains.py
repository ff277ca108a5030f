"""Domains on every labelled section: the house default beside its ladder.

Usage: HISTOBRIDGE_DATA=<folder> python dev/benchmarks/domains.py
"""

import anndata as ad
import numpy as np
from common import data_folder, write

import histobridge as hb

SECTIONS = {
    "mob Rep4": ("mob/Rep4", "layer", ()),
    "mob Rep9": ("mob/Rep9", "layer", ()),
    "starmap BY3": ("starmap/BY3_1k", "layer", ()),
    "starmap BZ5": ("starmap/20180417_BZ5_control", "domain", ()),
    "starmap BZ9": ("starmap/20180419_BZ9_control", "domain", ()),
    "her2st A1": ("her2st/A1", "pathologist_label", ("undetermined",)),
    "her2st B1": ("her2st/B1", "pathologist_label", ("undetermined",)),
    "her2st C1": ("her2st/C1", "pathologist_label", ("undetermined",)),
    "her2st D1": ("her2st/D1", "pathologist_label", ("undetermined",)),
    "dlpfc 151673": ("dlpfc/151673_hvg_allspots", "layer", ()),
    "dlpfc 151674": ("dlpfc/151674_hvg_allspots", "layer", ()),
    "osmfish": ("osmfish/osmfish_all", "region", ("Excluded",)),
}


def main() -> None:
    folder = data_folder()
    tables = []
    for name, (path, truth, dropped) in SECTIONS.items():
        adata = ad.read_h5ad(folder / f"{path}.h5ad")
        adata.var_names_make_unique()
        labels = adata.obs[truth].astype(object)
        labels[labels.isin(dropped) | (labels.astype(str) == "nan")] = np.nan
        adata.obs["truth"] = labels
        adata.obs["sample_id"] = name
        adata.uns.clear()
        benchmark = hb.benchmark_domains(adata, "truth", seeds=5, dataset=name)
        tables.append(benchmark.table[benchmark.table["fold"] == "all"])
        print(benchmark.summary().to_string(index=False))
    write("domains", *tables)


if __name__ == "__main__":
    main()
