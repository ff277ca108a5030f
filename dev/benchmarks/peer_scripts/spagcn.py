"""PyPI SpaGCN as in its tutorial, without histology, on dense counts."""

import random

import anndata as ad
import numpy as np
import scanpy as sc
import SpaGCN as spg
import torch
from meter import Meter, arguments

path, _, k, seed, epochs = arguments()
adata = ad.read_h5ad(path)
# Its sparse path breaks on today's scipy.
adata.X = adata.X.toarray()
meter = Meter()
x, y = (adata.obsm["spatial"][:, i].tolist() for i in (0, 1))
distance = spg.calculate_adj_matrix(x=x, y=y, histology=False)
spg.prefilter_genes(adata, min_cells=3)
spg.prefilter_specialgenes(adata)
sc.pp.normalize_total(adata)
sc.pp.log1p(adata)
length = spg.search_l(0.5, distance, start=0.01, end=1000, tol=0.01, max_run=100)
random.seed(seed)
np.random.seed(seed)  # noqa: NPY002  the package draws from it
torch.manual_seed(seed)
options = {"start": 0.7, "step": 0.1, "tol": 5e-3, "lr": 0.05, "max_epochs": 20}
options |= {"r_seed": seed, "t_seed": seed, "n_seed": seed}
resolution = spg.search_res(adata, distance, length, k, **options)
setup = meter.since()
model = spg.SpaGCN()
model.set_l(length)
epochs = epochs or 200
model.train(
    adata,
    distance,
    init_spa=True,
    init="louvain",
    res=resolution,
    tol=5e-3,
    lr=0.05,
    max_epochs=epochs,
)
labels, _ = model.predict()
refined = spg.refine(
    sample_id=adata.obs.index.tolist(),
    pred=list(labels),
    dis=distance,
    shape="hexagon",
)
np.save(path.replace(".h5ad", ".npy"), np.asarray(refined).astype(int))
meter.report(setup, meter.since(), epochs)
