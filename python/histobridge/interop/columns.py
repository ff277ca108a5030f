"""One R vector <-> one pandas column: values and missing entries travel apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from histobridge.contract import ContractError

WHOLE = 2**53
"""Up to here every whole number is a double."""

BEYOND = "whole numbers beyond 2^53"


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
    values = np.where(missing, 0, values)
    unit, scale = ("s", 86400) if kind == "date" else _unit(values)
    whole = np.floor(values)
    steps = whole.astype("int64") * scale
    steps += np.round((values - whole) * scale).astype("int64")
    stamps = steps.astype(f"datetime64[{unit}]")
    stamps[missing] = np.datetime64("NaT")
    series = pd.Series(stamps)
    if kind == "time":
        series = series.dt.tz_localize("UTC").dt.tz_convert(zone or "UTC")
    return series.array


def _unit(seconds: np.ndarray) -> tuple[str, int]:
    """Microseconds, or nanoseconds where they are needed and have the range."""
    nanos = np.round((seconds - np.floor(seconds)) * 1e9)
    fine = (nanos % 1000).any() and np.abs(seconds).max() < 2**33
    return ("ns", 1_000_000_000) if fine else ("us", 1_000_000)


def odd(series: pd.Series) -> str | None:
    """What R has no vector for, or ``None`` where it has one."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype) or dtype.kind in "Mbf":
        return None
    if dtype.kind in "iu":
        ends = _ends(series.dropna())
        return BEYOND if max(map(abs, ends), default=0) > WHOLE else None
    present = series.to_numpy(dtype=object)
    present = present[~pd.isna(present)]
    if pd.api.types.infer_dtype(present, skipna=False) in ("string", "boolean"):
        return None
    kinds = {type(value) for value in present}
    if kinds <= {bool, np.bool_} or all(issubclass(kind, str) for kind in kinds):
        return None
    return f"an object of class {_first_odd(present)}"


def _ends(series: pd.Series) -> list[int]:
    return [int(series.min()), int(series.max())] if len(series) else []


def _first_odd(present: np.ndarray) -> str:
    return next(type(value).__name__ for value in present if not isinstance(value, str))


def fitting(table: pd.DataFrame) -> pd.DataFrame:
    """Columns that R has a vector for."""
    fits = [odd(table.iloc[:, place]) is None for place in range(table.shape[1])]
    return table if all(fits) else table.loc[:, fits]


def column_parts(series: pd.Series) -> dict[str, Any]:
    """Take a pandas column apart: the inverse of :func:`column`.

    Raises
    ------
    ContractError
        When R has no vector of that dtype.
    """
    found = odd(series)
    if found:
        raise ContractError(
            f"column {series.name!r} of text, numbers, logicals, categories or times",
            found,
        )
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
        if not pd.api.types.is_extension_array_dtype(dtype):
            missing = np.zeros(len(series), dtype=bool)
        return _plain("double", series, missing, float, fill=np.nan)
    return _texts(series, missing)


def _moment_parts(series: pd.Series, missing: np.ndarray) -> dict[str, Any]:
    zone = getattr(series.dtype, "tz", None)
    moments = series.dt.tz_convert("UTC").dt.tz_localize(None) if zone else series
    fine = np.datetime_data(moments.dtype)[0] == "ns"
    unit, scale = ("ns", 1_000_000_000) if fine else ("us", 1_000_000)
    steps = moments.to_numpy().astype(f"datetime64[{unit}]").astype("int64")
    steps = np.where(missing, 0, steps)
    # In two parts, because a double has no room for nanoseconds since 1970.
    seconds = steps // scale + steps % scale / scale
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
    values = series.to_numpy(dtype=object)
    present = values[~missing]
    if len(present) and not isinstance(present[0], str):
        return column_parts(series.astype("boolean"))
    texts = np.where(missing, "", values).tolist() if missing.any() else values.tolist()
    return {"kind": "character", "values": texts, "missing": missing}


def nth(table: pd.DataFrame, position: int) -> pd.Series:
    """Column by position; names may repeat."""
    return table.iloc[:, position]


def frame(
    labels: list[str], columns: list[Any], index: str | list[str]
) -> pd.DataFrame:
    """Make a data frame from columns in order; column names may repeat."""
    index = pd.Index(names(index), dtype=object)
    table = pd.DataFrame(dict(enumerate(columns)), index=index)
    table.columns = pd.Index(names(labels), dtype=object)
    return table


def matrix_frame(
    values: np.ndarray, labels: str | list[str], index: str | list[str]
) -> pd.DataFrame:
    """Data frame around one matrix (rows of ``index``), not copied."""
    rows, columns = (pd.Index(names(v), dtype=object) for v in (index, labels))
    return pd.DataFrame(values, index=rows, columns=columns, copy=False)
