"""Cells with centroids (Xenium, CosMx) as one AnnData in the package's contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.data.lattice import library
from histobridge.data.tables import (
    counts_of,
    first_of,
    numbers,
    read_10x,
    read_table,
    unique_symbols,
)

if TYPE_CHECKING:
    import scipy.sparse as sp
    from anndata import AnnData

_MATRICES = ("cell_feature_matrix.h5", "cell_feature_matrix")
_CELLS = ("cells.parquet", "cells.csv.gz", "cells.csv")
_COSMX_MICRONS = 0.12028
_CONTROLS = ("NegPrb", "Negative", "SystemControl", "FalseCode")


def read_cells(
    folder: str | Path,
    section: str | None = None,
    *,
    microns_per_pixel: float | None = None,
) -> AnnData:
    """Read cells that Xenium or CosMx has measured; controls are left out.

    Parameters
    ----------
    folder
        Of Xenium, with ``cell_feature_matrix`` and ``cells``; or of CosMx, with
        ``*exprMat_file.csv`` and ``*metadata_file.csv``.
    section
        Name of the section; by default that of the folder.
    microns_per_pixel
        Of the coordinates: 1 for Xenium, whose centroids are microns, and 0.12028
        for CosMx by default.

    Returns
    -------
    AnnData of cells x genes: counts in ``X``, the table of cells in ``obs``,
    ``obsm["spatial"]`` and ``microns_per_pixel``; no image, since centroids are not
    pixels of one.

    Raises
    ------
    ContractError
        When a file is absent or damaged, or cells have no centroid.
    """
    folder = Path(folder)
    section = section or folder.absolute().name
    cosmx = bool(list(folder.glob("*exprMat_file.csv*")))
    counts, genes, cells, points = _cosmx(folder) if cosmx else _xenium(folder)
    microns = microns_per_pixel or (_COSMX_MICRONS if cosmx else 1.0)
    factors = {keys.MICRONS_PER_PIXEL: microns}
    import anndata

    adata = anndata.AnnData(
        counts,
        obs=cells.drop(columns=[keys.SECTION], errors="ignore"),
        var=pd.DataFrame(index=genes),
        obsm={keys.SPATIAL: points},
        uns={
            keys.X_NAME: keys.COUNTS,
            keys.SPATIAL: {section: library({}, factors, points, section)},
        },
    )
    adata.obs[keys.SECTION] = pd.Categorical([section] * adata.n_obs)
    contract.unique_names(adata)
    contract.coordinates(adata)
    return adata


Parts = tuple["sp.csr_matrix", list[str], pd.DataFrame, np.ndarray]


def _xenium(folder: Path) -> Parts:
    counts, names, features = read_10x(
        first_of(folder, _MATRICES, "counts of Xenium or CosMx")
    )
    path = first_of(folder, _CELLS, "cells")
    cells = _indexed(read_table(path), ["cell_id"], path)
    cells = _of(cells, names, path)
    points = _centroids(cells, ["x_centroid", "y_centroid"], path)
    return counts, unique_symbols(features), cells, points


def _cosmx(folder: Path) -> Parts:
    path = first_of(folder, ("*exprMat_file.csv*",), "counts")
    frame = _indexed(read_table(path), ["fov", "cell_ID"], path)
    # Cell 0 of a field holds what lies outside cells.
    frame = frame[~frame.index.str.endswith("_0")]
    genes = [
        name
        for name in frame.columns
        if name not in ("fov", "cell_ID", "cell") and not name.startswith(_CONTROLS)
    ]
    where = first_of(folder, ("*metadata_file.csv*",), "cells")
    cells = _indexed(read_table(where), ["fov", "cell_ID"], where)
    cells = _of(cells, list(frame.index), where)
    points = _centroids(cells, ["CenterX_global_px", "CenterY_global_px"], where)
    return counts_of(frame[genes], path), genes, cells, points


def _indexed(frame: pd.DataFrame, columns: list[str], path: Path) -> pd.DataFrame:
    missing = [name for name in columns if name not in frame]
    if missing:
        raise ContractError(f"columns {missing} in {path.name!r}", "none", frame)
    parts = [frame[name].astype(str) for name in columns]
    index = parts[0] if len(parts) == 1 else parts[0] + "_" + parts[1]
    return frame.set_index(pd.Index(index, name=None))


def _of(cells: pd.DataFrame, names: list[str], path: Path) -> pd.DataFrame:
    """Rows of ``cells`` in the order of ``names``, whatever theirs was."""
    absent = [name for name in names if name not in cells.index]
    if absent or not cells.index.is_unique:
        found = f"{len(absent)} without, such as {absent[0]!r}" if absent else "repeats"
        raise ContractError(f"one line in {path.name!r} for every cell", found)
    return cells.loc[names]


def _centroids(cells: pd.DataFrame, columns: list[str], path: Path) -> np.ndarray:
    missing = [name for name in columns if name not in cells]
    if missing:
        raise ContractError(f"columns {missing} in {path.name!r}", "none", cells)
    return numbers(cells[columns], path)
