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


def names(values: str | list[str] | dict[str, Any]) -> list[str]:
    """List of names, or of a dict's keys; R may hand one name over as a string."""
    return [values] if isinstance(values, str) else list(values)


def column(kind: str, values: Any, missing: np.ndarray, **facts: Any) -> Any:
    """One pandas column from the values of an R vector and its missing entries.

    Parameters
    ----------
    kind
        ``integer``, ``logical``, ``double``, ``character``, ``factor``, ``date``
        (days) or ``time`` (seconds) since 1970.
    missing
        Boolean, where R has NA.
    facts
        ``levels`` and ``ordered`` of a factor, ``zone`` of a time.
    """
    missing = np.atleast_1d(np.asarray(missing, dtype=bool))
    if kind == "character":
        texts = np.array(names(values), dtype=object)
        texts[missing] = None
        return texts
    values = np.atleast_1d(np.asarray(values))
    if kind == "factor":
        codes = np.where(missing, -1, values - 1)
        levels = names(facts["levels"])
        return pd.Categorical.from_codes(codes, levels, ordered=facts["ordered"])
    if kind in ("date", "time"):
        return _moments(kind, values, missing, facts.get("zone"))
    if kind == "logical":
        values = values.astype(bool)
    if kind == "double" or not missing.any():
        return values
    array = pd.arrays.BooleanArray if kind == "logical" else pd.arrays.IntegerArray
    return array(np.where(missing, values.dtype.type(0), values), missing)


def _moments(
    kind: str, values: np.ndarray, missing: np.ndarray, zone: str | None
) -> pd.Series:
    unit, scale = ("s", 86400) if kind == "date" else ("us", 1_000_000)
    steps = np.where(missing, 0, np.round(np.where(missing, 0, values) * scale))
    stamps = steps.astype("int64").astype(f"datetime64[{unit}]")
    stamps[missing] = np.datetime64("NaT")
    series = pd.Series(stamps)
    if kind == "time":
        series = series.dt.tz_localize("UTC").dt.tz_convert(zone or "UTC")
    return series.array


def column_parts(series: pd.Series) -> dict[str, Any]:
    """Take a pandas column apart: the inverse of :func:`column`.

    Raises
    ------
    ContractError
        When R has no vector of that dtype.
    """
    missing = series.isna().to_numpy()
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return {
            "kind": "factor",
            "values": series.cat.codes.to_numpy().astype(np.int32) + 1,
            "missing": missing,
            "levels": [str(level) for level in dtype.categories],
            "ordered": bool(dtype.ordered),
        }
    if dtype.kind == "M":
        return _moment_parts(series, missing)
    if dtype.kind == "b":
        return _plain("logical", series, missing, bool, fill=False)
    if dtype.kind in "iu":
        filled = series.fillna(0) if missing.any() else series
        top = np.abs(filled.to_numpy().astype(float)).max(initial=0)
        kind = "integer" if top < 2**31 else "double"
        return _plain(kind, series, missing, np.int32 if top < 2**31 else float, fill=0)
    if dtype.kind == "f":
        # NaN stays NaN: only a masked column knows a missing value.
        masked = missing if pd.api.types.is_extension_array_dtype(dtype) else missing & 0
        return _plain("double", series, masked.astype(bool), float, fill=np.nan)
    return _texts(series, missing)


def _moment_parts(series: pd.Series, missing: np.ndarray) -> dict[str, Any]:
    zone = getattr(series.dtype, "tz", None)
    moments = series.dt.tz_convert("UTC").dt.tz_localize(None) if zone else series
    micros = moments.to_numpy().astype("datetime64[us]").astype("int64")
    seconds = np.where(missing, 0, micros) / 1e6
    facts = {"missing": missing, "zone": str(zone or "UTC")}
    if zone is None and not (seconds % 86400).any():
        return {"kind": "date", "values": seconds / 86400, **facts}
    return {"kind": "time", "values": seconds, **facts}


def _plain(
    kind: str, series: pd.Series, missing: np.ndarray, dtype: Any, fill: Any
) -> dict[str, Any]:
    filled = series.fillna(fill) if missing.any() else series
    return {"kind": kind, "values": filled.to_numpy().astype(dtype), "missing": missing}


def _texts(series: pd.Series, missing: np.ndarray) -> dict[str, Any]:
    present = series[~missing]
    if all(isinstance(value, bool | np.bool_) for value in present) and len(present):
        return column_parts(series.astype("boolean"))
    odd = [value for value in present if not isinstance(value, str)]
    if odd:
        raise ContractError(
            f"column {series.name!r} of text, numbers, logicals, categories or times",
            f"an object of class {type(odd[0]).__name__}",
        )
    values = ["" if gone else v for v, gone in zip(series, missing, strict=True)]
    return {"kind": "character", "values": values, "missing": missing}


def nth(table: pd.DataFrame, position: int) -> pd.Series:
    """Column by position; names may repeat."""
    return table.iloc[:, position]


def frame(labels: list[str], columns: list[Any], index: str | list[str]) -> pd.DataFrame:
    """Data frame from columns in order; column names may repeat."""
    index = pd.Index(names(index), dtype=object)
    table = pd.DataFrame(dict(enumerate(columns)), index=index)
    table.columns = pd.Index(names(labels), dtype=object)
    return table


def sparse(
    x: np.ndarray, i: np.ndarray, p: np.ndarray, spots: int, genes: int
) -> sp.csr_matrix:
    """CSR (spots, genes) from the slots of a dgCMatrix of genes x spots.

    The two are the same three buffers, so nothing is transposed or copied.
    """
    for part in (x, i, p):
        part.setflags(write=False)
    return sp.csr_matrix((x, i, p), shape=(spots, genes), copy=False)


def dense(values: np.ndarray) -> np.ndarray:
    """Read-only transposed view of an R matrix."""
    view = np.asarray(values).T
    view.setflags(write=False)
    return view


def rows(values: np.ndarray) -> np.ndarray:
    """Read-only view of an R matrix that has spots as rows already."""
    return dense(values).T


def pixels(values: np.ndarray | bytes, height: int, width: int) -> np.ndarray:
    """Read-only uint8 image (height, width, 3) from bytes in that order."""
    image = np.frombuffer(values, dtype=np.uint8).reshape(height, width, 3)
    image.setflags(write=False)
    return image


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
