"""HER2+ breast sections (Andersson et al. 2021) and the targets papers score on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import scipy.sparse as sp

from histobridge.normalisation import log_normalise


@dataclass(frozen=True)
class Sections:
    """Counts (n, genes) of all sections over the union of their genes.

    ``grid`` (n, 2) are array coordinates, ``section`` and ``patient`` (n,) names,
    ``label`` (n,) pathologist's labels, empty where there are none.
    """

    counts: sp.csr_matrix
    genes: list[str]
    grid: np.ndarray
    section: np.ndarray
    patient: np.ndarray
    label: np.ndarray
    panel: np.ndarray

    def spots(self) -> dict[str, np.ndarray]:
        """Positions of the spots of every section."""
        return {
            s: np.flatnonzero(self.section == s) for s in dict.fromkeys(self.section)
        }


def load(folder: Path) -> Sections:
    """Every section in ``folder``; genes that a section lacks have no counts."""
    parts = {}
    for path in sorted(folder.glob("*.h5ad")):
        part = ad.read_h5ad(path)
        part.obs_names = [f"{path.stem}_{spot}" for spot in part.obs_names]
        part.obs["section"] = path.stem
        if "pathologist_label" in part.obs:
            part.obs["label"] = part.obs["pathologist_label"].astype(str)
        else:
            part.obs["label"] = ""
        del part.uns, part.obsm
        parts[path.stem] = part
    whole = ad.concat(parts.values(), join="outer", fill_value=0)
    names = (folder / "gene_lists" / "her2st_785_genes.txt").read_text().split()
    return Sections(
        counts=sp.csr_matrix(whole.X, dtype=float),
        genes=list(whole.var_names),
        grid=whole.obs[["array_x", "array_y"]].to_numpy(dtype=float),
        section=whole.obs["section"].to_numpy(dtype=str),
        patient=np.array([s[0] for s in whole.obs["section"]]),
        label=whole.obs["label"].to_numpy(dtype=str),
        panel=whole.var_names.get_indexer([n for n in names if n in whole.var_names]),
    )


Target = Callable[[sp.csr_matrix, np.ndarray], np.ndarray]


def log_cp10k(counts: sp.csr_matrix, genes: np.ndarray) -> np.ndarray:
    """log1p of counts per 10,000 over all genes."""
    return log_normalise(counts)[:, genes].toarray()


def log_raw(counts: sp.csr_matrix, genes: np.ndarray) -> np.ndarray:
    """log1p of raw counts: depth stays in."""
    return np.log1p(counts[:, genes].toarray())


def panel_log10(counts: sp.csr_matrix, genes: np.ndarray) -> np.ndarray:
    """log10 of 1 + counts per 10,000 over the panel alone (Hist2ST family)."""
    return log_normalise(counts[:, genes]).toarray() / np.log(10)


def panel_log1p(counts: sp.csr_matrix, genes: np.ndarray) -> np.ndarray:
    """log1p of counts per 10,000 over the panel alone (TRIPLEX family)."""
    return log_normalise(counts[:, genes]).toarray()


def gene_log10(counts: sp.csr_matrix, genes: np.ndarray) -> np.ndarray:
    """log10 of 1 + each *gene* scaled to 10,000 over the section (mclSTExp)."""
    return log_normalise(counts[:, genes].T).toarray().T / np.log(10)


def smoothed(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Mean over the spots of the 3 x 3 array positions around each."""
    near = np.abs(grid[:, None] - grid[None]).max(axis=2) <= 1
    return near @ values / near.sum(axis=1, keepdims=True)
