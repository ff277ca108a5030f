"""Matrices between R (features x spots) and Python (spots x features)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge.contract import ContractError
from histobridge.interop.disk import is_backed

MOST_VALUES = 2**31 - 1
"""Stored values of a sparse matrix of R, whose positions are 32-bit."""


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
    matrix = kind((spots, genes), dtype=bool if logical else float)
    # R has checked the indices; scipy's constructor would read them all again.
    matrix.data = np.asarray(x).astype(bool) if logical else np.asarray(x)
    matrix.indices, matrix.indptr = np.asarray(i), np.asarray(p)
    return matrix


def dense(values: np.ndarray) -> np.ndarray:
    """Transposed view of an R matrix, read-only as reticulate hands it over."""
    return np.asarray(values).T


def rows(values: np.ndarray) -> np.ndarray:
    """View of an R matrix that has spots as rows already, equally read-only."""
    return np.asarray(values)


def refuse_too_many(stored: int) -> None:
    """Stop before 32-bit positions overflow into wrong places."""
    if stored > MOST_VALUES:
        raise ContractError(
            f"at most {MOST_VALUES:,} stored values in a sparse matrix of R",
            f"{stored:,}; to fix: take sections apart, or leave the matrix on disk",
        )


def _refuse_outside(value: sp.csr_matrix | sp.csc_matrix) -> None:
    """Stop where R would read memory that is not the matrix's."""
    length = value.shape[0 if value.format == "csr" else 1]
    width = value.shape[1 if value.format == "csr" else 0]
    starts, inside = value.indptr, value.indices[: value.nnz]
    # Negative ones are huge without their sign: one pass instead of two.
    unsigned = inside.view(f"u{inside.itemsize}")
    try:
        value.check_format(full_check=False)
        ordered = len(starts) == length + 1 and np.all(starts[:-1] <= starts[1:])
    except ValueError:
        ordered = False
    if not ordered or unsigned.max(initial=0) >= max(width, 1):
        raise ContractError(
            f"a {value.format} matrix whose positions lie in its shape {value.shape}",
            "positions outside of it; to fix: build it anew, without setting "
            "indices or indptr",
        )


def sparse_parts(value: Any) -> dict[str, Any]:
    """Buffers of a CSR (or, flagged ``rows``, CSC) matrix of spots x genes.

    Both are what R keeps as dgCMatrix or dgRMatrix of genes x spots.

    Raises
    ------
    ContractError
        More stored values than R can number, or positions outside of the matrix.
    """
    kept = sp.issparse(value) and value.format in ("csr", "csc")
    value = value if kept else sp.csr_matrix(value)
    rows = value.format == "csc"
    refuse_too_many(value.nnz)
    _refuse_outside(value)
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
    """``sparse``, ``frame``, ``array``, ``disk``; else the class of the value."""
    if sp.issparse(value):
        return "sparse"
    if is_backed(value):
        return "disk"
    if isinstance(value, pd.DataFrame):
        numeric = all(dtype.kind in "biuf" for dtype in value.dtypes)
        return "frame" if numeric else "a data frame with text"
    fits = isinstance(value, np.ndarray) and value.ndim == 2
    if fits and value.dtype.kind in "biuf":
        return "array"
    return f"an object of class {type(value).__name__}"


def frame_values(table: pd.DataFrame) -> np.ndarray:
    """Numbers of a data frame; columns of several types are doubles together."""
    kinds = {dtype.kind for dtype in table.dtypes}
    whole = kinds == {"b"} or (kinds and kinds <= {"i", "u"})
    if whole and not table.isna().to_numpy().any():
        return table.to_numpy(dtype=bool if kinds == {"b"} else np.int64)
    return table.to_numpy(dtype=float, na_value=np.nan)


def matrix_parts(value: Any) -> dict[str, Any]:
    """Take a matrix with spots as rows apart for R.

    Returns
    -------
    ``kind`` ``array`` (with ``values``), ``frame`` (``values`` and ``columns``) or
    ``sparse`` (``x``, ``i``, ``p`` of the dgCMatrix features x spots).

    Raises
    ------
    ContractError
        When it is not a numeric matrix, or has more stored values than R can number.
    """
    if sp.issparse(value):
        refuse_too_many(value.nnz)
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
