"""What runs in the environment of each peer of the deconvolution benchmark.

Every script reads ``spots.h5ad`` and ``cells.h5ad`` of a folder and writes
``found.npy`` (n_spots, n_types; types in order of their names, rows sum to 1); it
prints seconds, seconds of CPU, and peak memory in MB. Imports are not counted.
"""

START = """
import json, re, sys, time, warnings
import anndata as ad
import numpy as np
import pandas as pd
warnings.simplefilter("ignore")
folder, params = sys.argv[1], json.loads(sys.argv[2])
spots = ad.read_h5ad(f"{folder}/spots.h5ad")
cells = ad.read_h5ad(f"{folder}/cells.h5ad")
cells.obs["cell_type"] = cells.obs["cell_type"].astype(str)
types = sorted(cells.obs["cell_type"].unique())
"""

END = """
started, used = time.perf_counter(), time.process_time()
found = np.asarray(fit(), dtype=float)
seconds, cpu = time.perf_counter() - started, time.process_time() - used
np.save(f"{folder}/found.npy", found / found.sum(axis=1, keepdims=True))
# Not getrusage: a child starts from the peak of the process that started it.
peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
print(json.dumps([seconds, cpu, peak]))
"""

MEANS = """
def means():
    label = cells.obs["cell_type"].to_numpy()
    return np.stack(
        [np.asarray(cells.X[label == t].mean(axis=0)).ravel() for t in types]
    )
"""

OURS = """
import histobridge as hb
system = params.pop("system")
hb.registry.find(system, "deconvolution")
def fit():
    hb.deconvolve(spots, cells, system=system, **params)
    return spots.obsm["proportions"][types].to_numpy()
"""

FLASHDECONV = (
    MEANS
    + """
from flashdeconv import FlashDeconv
def fit():
    place = np.asarray(spots.obsm["spatial"])
    return FlashDeconv().fit_transform(spots.X, means(), place)
"""
)

# The likelihood tables that it would download are computed, for the one sigma.
RCTD = """
import os
from rctd import RCTDConfig, Reference, run_rctd
from rctd._likelihood import build_x_vals, compute_q_matrix
grid, hundredths = build_x_vals(), round(100 * params["sigma"])
table = compute_q_matrix(params["sigma"], grid, 100)
np.savez(f"{folder}/q_matrices.npz", X_vals=grid, **{f"Q_{hundredths}": table})
os.environ["RCTD_Q_MATRICES"] = f"{folder}/q_matrices.npz"
config = RCTDConfig(K_val=100, UMI_min=1, counts_MIN=1, device="cpu", compile=False)
def fit():
    reference = Reference(cells, cell_min=1)
    sys.stdout = sys.stderr
    made = run_rctd(spots, reference, "full", config, sigma_override=hundredths)
    sys.stdout = sys.__stdout__
    order = [list(made.cell_type_names).index(t) for t in types]
    return np.asarray(made.weights)[:, order]
"""

TANGRAM = """
import logging
import scanpy as sc
import tangram as tg
logging.disable(logging.CRITICAL)
def fit():
    for part in (spots, cells):
        sc.pp.filter_genes(part, min_cells=1)
    sc.pp.normalize_total(cells)
    tg.pp_adatas(cells, spots, genes=None)
    mapped = tg.map_cells_to_space(
        cells, spots, mode="clusters", cluster_label="cell_type", verbose=False,
        num_epochs=params["epochs"],
    )
    tg.project_cell_annotations(mapped, spots, annotation="cell_type")
    return spots.obsm["tangram_ct_pred"][types].to_numpy()
"""

CELL2LOCATION = (
    MEANS
    + """
from cell2location.models import Cell2location
def fit():
    known = pd.DataFrame(means().T, index=cells.var_names, columns=types)
    kept = (known.sum(axis=1) > 0).to_numpy()
    part = spots[:, kept].copy()
    Cell2location.setup_anndata(part)
    model = Cell2location(part, cell_state_df=known[kept], N_cells_per_location=8)
    quiet = {"accelerator": "cpu", "enable_progress_bar": False}
    model.train(max_epochs=params["epochs"], **quiet)
    part = model.export_posterior(part, sample_kwargs={"num_samples": 50})
    frame = part.obsm["means_cell_abundance_w_sf"]
    names = [c.split("w_sf_")[-1] for c in frame.columns]
    return frame.to_numpy()[:, [names.index(t) for t in types]]
"""
)

PACKAGES = {
    "flashdeconv": (["flashdeconv==0.2.0", "anndata<0.13"], FLASHDECONV),
    "rctd-py": (["rctd-py==0.4.0", "torch==2.13.0", "anndata<0.13"], RCTD),
    "tangram-sc": (["tangram-sc==1.0.4", "torch==2.13.0", "anndata<0.13"], TANGRAM),
    "cell2location": (
        ["cell2location==0.1.5", "pyro-ppl==1.9.1", "torch==2.13.0", "anndata<0.13"],
        CELL2LOCATION,
    ),
}


def script(body: str) -> str:
    """Source text of a whole run."""
    return START + body + END
