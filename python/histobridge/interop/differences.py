"""What differs between two states of one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp


def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Keys of ``after`` that ``before`` lacks or has with another value."""
    return [
        key for key in after if key not in before or not same(before[key], after[key])
    ]


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, missing entries being equal to themselves."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return _same_array(one, other)
    if sp.issparse(one):
        slots = ("data", "indices", "indptr")
        return one.shape == other.shape and all(
            _same_array(getattr(one, slot), getattr(other, slot)) for slot in slots
        )
    if isinstance(one, pd.DataFrame | pd.Series):
        return one.equals(other)
    if isinstance(one, Mapping):
        return list(one) == list(other) and not changed_keys(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "obsm"):
        return _same_anndata(one, other)
    if isinstance(one, pd.api.extensions.ExtensionArray):
        return bool(one.equals(other))
    return bool(one == other) or (one != one and other != other)


def _same_array(one: np.ndarray, other: np.ndarray) -> bool:
    if one.dtype.kind == "f":
        return np.array_equal(one, other, equal_nan=True)
    if one.dtype.kind == "O":
        return pd.Series(one.ravel()).equals(pd.Series(other.ravel()))
    return np.array_equal(one, other)


def _same_anndata(one: Any, other: Any) -> bool:
    parts = ("X", "obs", "var", "layers", "obsm", "varm", "obsp", "varp", "uns")
    return all(
        same(plain_part(getattr(one, part)), plain_part(getattr(other, part)))
        for part in parts
    )


def plain_part(part: Any) -> Any:
    """Mapping of an AnnData as a dict; anything else as it is."""
    is_axis = isinstance(part, Mapping) and not isinstance(part, dict)
    return dict(part) if is_axis else part
