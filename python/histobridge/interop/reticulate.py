"""What the R package needs done on the Python side of the bridge.

R passes plain vectors and a mask of missing values; nothing here guesses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import keys
from histobridge.contract import ContractError
from histobridge.interop.buffers import fill, flat, share, size
from histobridge.interop.columns import column, column_parts, frame, names, nth
from histobridge.interop.files import read_h5ad, write_h5ad
from histobridge.interop.values import (
    array_facts,
    count,
    entry,
    labels,
    misfits,
    scalar,
    series,
    table,
    transposed,
    value_kind,
)

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = [
    "array_facts",
    "build",
    "column",
    "column_parts",
    "count",
    "dense",
    "entry",
    "fill",
    "flat",
    "frame",
    "get",
    "has",
    "has_x",
    "keys_of",
    "labels",
    "matrix_kind",
    "matrix_parts",
    "misfits",
    "model_facts",
    "names",
    "nth",
    "part_keys",
    "pixel_parts",
    "pixels",
    "put",
    "read",
    "read_h5ad",
    "rows",
    "scalar",
    "series",
    "settings",
    "share",
    "size",
    "sparse",
    "sparse_parts",
    "table",
    "text",
    "transposed",
    "unplaced",
    "value_kind",
    "write_h5ad",
]


def sparse(
    x: np.ndarray,
    i: np.ndarray,
    p: np.ndarray,
    spots: int,
    genes: int,
    logical: bool = False,
    rows: bool = False,
) -> sp.csr_matrix | sp.csc_matrix:
    """CSR (spots, genes) from the slots of a dgCMatrix of genes x spots.

    The two are the same three buffers, so nothing is transposed or copied. With
    ``rows`` the slots are those of a dgRMatrix, which is a CSC matrix likewise;
    with ``logical`` the values are truth values.
    """
    kind = sp.csc_matrix if rows else sp.csr_matrix
    values = np.asarray(x).astype(bool) if logical else x
    return kind((values, i, p), shape=(spots, genes), copy=False)


def dense(values: np.ndarray) -> np.ndarray:
    """Transposed view of an R matrix, read-only as reticulate hands it over."""
    return np.asarray(values).T


def rows(values: np.ndarray) -> np.ndarray:
    """View of an R matrix that has spots as rows already, equally read-only."""
    return np.asarray(values)


def pixels(
    values: np.ndarray | bytes, height: int, width: int, channels: int = 3
) -> np.ndarray:
    """View as a uint8 image (height, width, channels) of bytes in that order."""
    return np.frombuffer(values, dtype=np.uint8).reshape(height, width, channels)


def pixel_parts(image: np.ndarray) -> dict[str, Any]:
    """Bytes of an image, row by row and channel by channel, for an R raster.

    Floats are taken to lie between 0 and 1; grey becomes three channels.
    """
    image = np.asarray(image)
    if image.dtype.kind == "f":
        image = np.round(255 * np.clip(image, 0, 1))
    if image.ndim == 2 or image.shape[2] == 1:
        image = np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    image = image.astype(np.uint8)
    height, width, channels = image.shape
    return {
        "bytes": np.ascontiguousarray(image).reshape(-1),
        "size": [height, width, channels],
    }


def build(matrix: Any, obs: pd.DataFrame, var: pd.DataFrame) -> AnnData:
    """AnnData around what R handed over, none of it copied."""
    import anndata

    return anndata.AnnData(X=matrix, obs=obs, var=var)


def put(adata: AnnData, part: str, key: str, value: Any) -> None:
    """Store ``value`` under ``adata.<part>[key]``."""
    getattr(adata, part)[key] = value


def read(adata: AnnData, part: str, key: str) -> Any:
    """Value of ``adata.<part>[key]``; for ``uns`` the settings under that key."""
    if part == "uns":
        return settings(adata.uns[keys.SETTINGS][key])
    return getattr(adata, part)[key]


def has(adata: AnnData, part: str, key: str) -> bool:
    """Whether ``adata.<part>`` has that key."""
    return key in getattr(adata, part)


def get(adata: AnnData, part: str, key: str) -> Any:
    """Value of ``adata.<part>[key]`` as it is."""
    return getattr(adata, part)[key]


def part_keys(adata: AnnData, part: str) -> list[str]:
    """Keys of one part, in order."""
    return [str(key) for key in getattr(adata, part)]


def unplaced(adata: AnnData) -> list[str]:
    """Name what no experiment in R has a place for."""
    left = ["raw"] if adata.raw is not None else []
    for part in ("layers", "obsm", "varm", "obsp", "varp"):
        for key, value in getattr(adata, part).items():
            kind = matrix_kind(value)
            if kind not in ("array", "frame", "sparse"):
                left.append(f'{part}["{key}"] ({kind})')
    special = {keys.SPATIAL, keys.ALT_EXPERIMENTS, keys.SETTINGS}
    for key, value in adata.uns.items():
        if key not in special:
            left += misfits(value, f'uns["{key}"]')
    return left


def has_x(adata: AnnData) -> bool:
    """Whether there is a main matrix."""
    return adata.X is not None


def keys_of(adata: AnnData) -> dict[str, list[str]]:
    """Keys present in each part that a verb may write to."""
    return {
        "obs": [str(key) for key in adata.obs.columns],
        "obsm": list(adata.obsm.keys()),
        "layers": list(adata.layers.keys()),
        "uns": list(adata.uns.get(keys.SETTINGS, {})),
    }


def sparse_parts(value: Any) -> dict[str, Any]:
    """Buffers of a CSR (or, flagged ``rows``, CSC) matrix of spots x genes.

    Both are what R keeps as dgCMatrix or dgRMatrix of genes x spots.
    """
    rows = sp.issparse(value) and value.format == "csc"
    if not rows:
        value = sp.csr_matrix(value)
    if not value.has_canonical_format:
        value = value.copy()
        value.sum_duplicates()
    kind = "logical" if value.dtype.kind == "b" else "double"
    return {
        "x": value.data,
        "i": value.indices,
        "p": value.indptr,
        "rows": rows,
        "shape": [int(n) for n in value.shape],
        "mode": kind,
        "nnz": int(value.nnz),
    }


def matrix_kind(value: Any) -> str:
    """``sparse``, ``frame``, ``array``, or the class of what R has no matrix for."""
    if sp.issparse(value):
        return "sparse"
    if isinstance(value, pd.DataFrame):
        numeric = all(dtype.kind in "biuf" for dtype in value.dtypes)
        return "frame" if numeric else "a data frame with text"
    fits = isinstance(value, np.ndarray) and value.ndim == 2
    if fits and value.dtype.kind in "biuf":
        return "array"
    return f"an object of class {type(value).__name__}"


def matrix_parts(value: Any) -> dict[str, Any]:
    """Take a matrix with spots as rows apart for R.

    Returns
    -------
    ``kind`` ``array`` (with ``values``), ``frame`` (``values`` and ``columns``) or
    ``sparse`` (``x``, ``i``, ``p`` of the dgCMatrix features x spots).

    Raises
    ------
    ContractError
        When it is not a numeric matrix.
    """
    if sp.issparse(value):
        csr = sp.csr_matrix(value)
        csr = csr if csr.has_sorted_indices else csr.sorted_indices()
        return {
            "kind": "sparse",
            "x": csr.data.astype(float),
            "i": csr.indices.astype(np.int32),
            "p": csr.indptr.astype(np.int32),
            "features": csr.shape[1],
        }
    if isinstance(value, pd.DataFrame):
        columns = [str(name) for name in value.columns]
        return {"kind": "frame", "values": _numbers(value), "columns": columns}
    return {"kind": "array", "values": _numbers(value)}


def _numbers(value: Any) -> np.ndarray:
    values = np.asarray(value)
    if values.dtype.kind not in "biuf" or values.ndim != 2:
        raise ContractError(
            "a numeric matrix with spots as rows",
            f"dtype {values.dtype} and shape {values.shape}",
        )
    return values.astype(float)


def model_facts(model: Any) -> dict[str, Any]:
    """Genes and settings of a fitted translator, for its R wrapper to show."""
    return {
        "genes": [str(gene) for gene in model.genes_],
        "settings": settings(model.settings_),
    }


def text(value: Any) -> str:
    """Text of a path or any other object."""
    return str(value)


def settings(value: Any) -> Any:
    """Reduce settings to dicts, lists, texts, numbers, logicals and None."""
    if isinstance(value, dict):
        return {str(key): settings(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return settings(value.tolist())
    if isinstance(value, list | tuple | set):
        return [settings(entry) for entry in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
