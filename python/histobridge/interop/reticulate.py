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
from histobridge.interop.buffers import share
from histobridge.interop.columns import column, column_parts, frame, names, nth

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = [
    "build",
    "column",
    "column_parts",
    "dense",
    "frame",
    "keys_of",
    "matrix_parts",
    "model_facts",
    "names",
    "nth",
    "pixels",
    "put",
    "read",
    "rows",
    "settings",
    "share",
    "sparse",
    "text",
]


def sparse(
    x: np.ndarray, i: np.ndarray, p: np.ndarray, spots: int, genes: int
) -> sp.csr_matrix:
    """CSR (spots, genes) from the slots of a dgCMatrix of genes x spots.

    The two are the same three buffers, so nothing is transposed or copied.
    """
    return sp.csr_matrix((x, i, p), shape=(spots, genes), copy=False)


def dense(values: np.ndarray) -> np.ndarray:
    """Transposed view of an R matrix, read-only as reticulate hands it over."""
    return np.asarray(values).T


def rows(values: np.ndarray) -> np.ndarray:
    """View of an R matrix that has spots as rows already, equally read-only."""
    return np.asarray(values)


def pixels(values: np.ndarray | bytes, height: int, width: int) -> np.ndarray:
    """View as a uint8 image (height, width, 3) of bytes in that order."""
    return np.frombuffer(values, dtype=np.uint8).reshape(height, width, 3)


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


def keys_of(adata: AnnData) -> dict[str, list[str]]:
    """Keys present in each part that a verb may write to."""
    return {
        "obs": [str(key) for key in adata.obs.columns],
        "obsm": list(adata.obsm.keys()),
        "layers": list(adata.layers.keys()),
        "uns": list(adata.uns.get(keys.SETTINGS, {})),
    }


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
