"""What kind of R value an entry of ``uns`` can become."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge.interop.columns import BEYOND, WHOLE, odd

_SCALARS = (bool, int, float, str, np.generic)


def value_kind(value: Any) -> str:
    """Name the R form of ``value``; its class where R has none."""
    if value is None:
        return "none"
    if isinstance(value, _SCALARS):
        if isinstance(value, int | np.integer) and abs(int(value)) > WHOLE:
            return BEYOND
        return "scalar" if not isinstance(value, np.void) else "void"
    if isinstance(value, dict):
        return "tagged" if "r_class" in value else "dict"
    if sp.issparse(value):
        return "sparse"
    if isinstance(value, pd.DataFrame):
        return "frame"
    if isinstance(value, list | tuple):
        flat = value and len({type(entry) for entry in value}) == 1
        return "column" if flat and isinstance(value[0], _SCALARS) else "list"
    if isinstance(value, np.ndarray):
        return _array_kind(value)
    if isinstance(value, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return "column"
    return f"an object of class {type(value).__name__}"


def _array_kind(value: np.ndarray) -> str:
    if value.dtype.names:
        return "frame"
    if value.ndim == 0:
        return "scalar"
    if value.ndim == 1:
        return "column"
    whole = value.dtype.kind in "iu" and value.size
    if whole and max(-float(value.min()), float(value.max())) > WHOLE:
        return BEYOND
    return "array" if value.dtype.kind in "biuf" else f"an array of {value.dtype}"


def misfits(value: Any, where: str) -> list[str]:
    """Paths below ``where`` of what has no R form."""
    kind = value_kind(value)
    if kind in ("dict", "list"):
        entries = value.items() if kind == "dict" else enumerate(value, 1)
        return [text for key, v in entries for text in misfits(v, f"{where}[{key!r}]")]
    if kind == "frame":
        frame = table(value)
        columns = {name: frame.iloc[:, i] for i, name in enumerate(frame)}
        return [
            f"{where}[{name!r}] ({odd(column)})"
            for name, column in columns.items()
            if odd(column)
        ]
    if kind == "column":
        kind = odd(series(value)) or kind
    return [f"{where} ({kind})"] if " " in kind or kind == "void" else []


def scalar(value: Any) -> Any:
    """Plain Python scalar; R has whole numbers of 32 bits, or doubles."""
    value = value.item() if isinstance(value, np.generic | np.ndarray) else value
    if isinstance(value, int) and abs(value) >= 2**31:
        return float(value)
    return value


def series(value: Any) -> pd.Series:
    """One column of any 1-d value; an empty one of no type is text."""
    if isinstance(value, pd.Series):
        return value
    return pd.Series(value, dtype=None if len(value) else getattr(value, "dtype", None))


def table(value: Any) -> pd.DataFrame:
    """Make a data frame of a structured array, such as scanpy's marker tables."""
    return (
        value if isinstance(value, pd.DataFrame) else pd.DataFrame.from_records(value)
    )


def labels(index: pd.Index) -> list[str]:
    """Texts of an index."""
    return [str(label) for label in index]


def transposed(value: Any) -> Any:
    """Transpose, as a view."""
    return value.T


def count(value: Any) -> int:
    """Return the number of entries."""
    return len(value)


def entry(value: Any, position: int) -> Any:
    """Entry at a position, not converted."""
    return value[position]


def array_facts(value: np.ndarray) -> dict[str, Any]:
    """Shape and R storage mode of a numeric array."""
    kind = value.dtype.kind
    mode = {"b": "logical", "f": "double"}.get(kind)
    if mode is None:
        large = value.size and max(-float(value.min()), float(value.max())) >= 2**31
        mode = "double" if large else "integer"
    return {"shape": [int(n) for n in value.shape], "mode": mode}


def plain(value: Any) -> Any:
    """Everyday Python form of a value that came from R: the inverse of tagging.

    Names become the index of a series or data frame; a list without names of its
    own stays a list.
    """
    if not isinstance(value, dict):
        return value
    kind = value.get("r_class")
    if kind is None:
        return {key: plain(entry) for key, entry in value.items()}
    if kind in ("data.frame", "DFrame"):
        return value["frame"]
    if kind == "list":
        entries = [plain(entry) for entry in value["entries"].values()]
        unnamed = value["names"] is False
        return entries if unnamed else dict(zip(value["names"], entries, strict=True))
    if kind == "vector":
        named = value["names"] is not False
        index = [value["names"]] if isinstance(value["names"], str) else value["names"]
        return pd.Series(value["value"], index=index) if named else value["value"]
    if kind == "array":
        return _named_array(value["value"], value["dimnames"])
    return value["value"].T if kind == "sparse" else plain(value["value"])


def _named_array(values: np.ndarray, dimnames: Any) -> Any:
    if dimnames is None or values.ndim != 2:
        return values
    rows, columns = (plain(dimnames)[side] for side in (0, 1))
    return pd.DataFrame(values, index=rows, columns=columns)
