"""What a system gets to see: only what it declares, never what it is scored on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, keys

if TYPE_CHECKING:
    from anndata import AnnData


def training_view(adata: AnnData, train: np.ndarray, needs: Sequence[str]) -> AnnData:
    """``adata`` with every label gone and counts of other spots set to zero."""
    keep = np.zeros(adata.n_obs)
    keep[train] = 1.0
    counts = sp.diags(keep) @ sp.csr_matrix(contract.counts(adata))
    view = _bare(adata, sp.csr_matrix(counts), needs)
    view.X.eliminate_zeros()
    return view


def withheld_view(adata: AnnData, test: np.ndarray, needs: Sequence[str]) -> AnnData:
    """``adata`` without counts; depth only where the system declares it."""
    view = _bare(adata, None, needs)
    if "depth" in needs:
        depth = np.zeros(adata.n_obs)
        depth[test] = contract.depth(adata)[test]
        view.obs[keys.DEPTH] = depth
    return view


def declared_view(adata: AnnData, needs: Sequence[str]) -> AnnData:
    """``adata`` with what a system without training declares, labels gone."""
    counts = sp.csr_matrix(contract.counts(adata)) if "counts" in needs else None
    return _bare(adata, counts, needs)


def _bare(
    adata: AnnData, counts: sp.csr_matrix | None, needs: Sequence[str]
) -> AnnData:
    """Sections, patients and what ``needs`` declares; an image has a place."""
    columns = [c for c in (keys.SECTION, keys.PATIENT) if c in adata.obs]
    bare = ad.AnnData(
        counts,
        obs=adata.obs[columns].copy(),
        var=pd.DataFrame(index=adata.var_names),
        shape=None if counts is not None else adata.shape,
    )
    image = "image" in needs
    shown = {keys.SPATIAL: image or "coordinates" in needs, keys.MORPHOLOGY: image}
    for key in shown:
        if shown[key] and key in adata.obsm:
            bare.obsm[key] = np.asarray(adata.obsm[key])
    if keys.SETTINGS in adata.uns:
        bare.uns[keys.SETTINGS] = adata.uns[keys.SETTINGS]
    parts = [keys.SCALE_FACTORS, *([keys.IMAGES, keys.IMAGE_METADATA] if image else [])]
    bare.uns[keys.SPATIAL] = {
        name: {part: library[part] for part in parts if part in library}
        for name, library in adata.uns.get(keys.SPATIAL, {}).items()
    }
    return bare
