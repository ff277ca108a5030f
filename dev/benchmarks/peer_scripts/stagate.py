"""Two attention layers there and back on dense genes, as users write them."""

from itertools import pairwise

import anndata as ad
import numpy as np
import scanpy as sc
import torch
from meter import Meter, arguments
from sklearn.neighbors import kneighbors_graph
from torch_geometric.nn import GATConv

path, _, _, seed, epochs = arguments()
adata = ad.read_h5ad(path)
meter = Meter()
sc.pp.normalize_total(adata, target_sum=1e4)
sc.pp.log1p(adata)
sc.pp.highly_variable_genes(adata, n_top_genes=min(3000, adata.n_vars))
x = torch.from_numpy(adata[:, adata.var["highly_variable"]].X.toarray())
edges = kneighbors_graph(adata.obsm["spatial"], 6, include_self=False).tocoo()
loops = np.arange(adata.n_obs)
index = np.stack([np.r_[edges.col, loops], np.r_[edges.row, loops]])
index = torch.from_numpy(index.astype(np.int64))
torch.manual_seed(seed)
widths = [x.shape[1], 512, 30, 512, x.shape[1]]
layers = torch.nn.ModuleList(
    GATConv(one, other, add_self_loops=False) for one, other in pairwise(widths)
)
optimizer = torch.optim.Adam(layers.parameters(), 1e-3, weight_decay=1e-4)
setup = meter.since()
epochs = epochs or 1000
for _ in range(epochs):
    h = x
    for depth, layer in enumerate(layers):
        h = layer(h, index)
        if depth == 1:
            latent = h
        h = torch.nn.functional.elu(h) if depth % 2 == 0 else h
    loss = torch.nn.functional.mse_loss(h, x)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(layers.parameters(), 5.0)
    optimizer.step()
np.save(path.replace(".h5ad", ".npy"), latent.detach().numpy())
meter.report(setup, meter.since(), epochs)
