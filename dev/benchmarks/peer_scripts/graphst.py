"""PyPI GraphST as in its tutorial, up to the embedding."""

import anndata as ad
import numpy as np
import torch
from GraphST import GraphST
from meter import Meter, arguments

path, _, _, seed, epochs = arguments()
adata = ad.read_h5ad(path)
epochs = epochs or 600
meter = Meter()
model = GraphST.GraphST(
    adata, device=torch.device("cpu"), random_seed=seed, epochs=epochs
)
setup = meter.since()
adata = model.train()
train = meter.since()
np.save(path.replace(".h5ad", ".npy"), np.asarray(adata.obsm["emb"]))
meter.report(setup, train, epochs)
