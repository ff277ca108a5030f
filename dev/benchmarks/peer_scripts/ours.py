"""A system of this package on one file."""

import warnings

import anndata as ad
import numpy as np
import torch  # noqa: F401  imports are not what is measured
from meter import Meter, arguments

import histobridge as hb

path, name, k, seed, epochs = arguments()
warnings.simplefilter("ignore")
adata = ad.read_h5ad(path)
params = {"epochs": epochs} if epochs else {}
hb.list_systems("domains")
meter = Meter()
hb.find_domains(adata, k, system=name, seed=seed, seeds=1, **params)
setup = meter.since()
np.save(path.replace(".h5ad", ".npy"), adata.obs["domain"].astype(int).to_numpy())
meter.report(setup, 0.0, epochs)
