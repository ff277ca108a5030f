"""AnnData files (.h5ad) that keep what HDF5 has no form for.

Times become ISO texts, and the order of keys, which HDF5 does not keep, is noted
in one JSON text under ``uns["histobridge_file"]``; any reader of h5ad files can
read the rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import keys
from histobridge.contract import ContractError
from histobridge.interop.disk import (
    backed_parts,
    copy_backed,
    read_backed,
    refuse_own_file,
)
from histobridge.interop.pictures import loaded

if TYPE_CHECKING:
    from collections.abc import Collection

    from anndata import AnnData

_NOTES = "histobridge_file"


def write_h5ad(adata: AnnData, path: str, pixels: bool = False) -> None:
    """Write ``adata``; with ``pixels``, stored images are loaded into the file.

    Backed matrices are copied from file to file, never read as a whole.

    Raises
    ------
    ContractError
        When a key holds a slash, which HDF5 reads as a folder, or a backed
        matrix lives in the very file.
    """
    import anndata

    _refuse_slashes(adata)
    backed = backed_parts(adata)
    refuse_own_file(backed, path)
    copy = _prepared(adata, backed)
    if pixels:
        _load_images(copy.uns.get(keys.SPATIAL, {}))
    with anndata.settings.override(allow_write_nullable_strings=True):
        copy.write_h5ad(path, convert_strings_to_categoricals=False)
    copy_backed(backed, path)


def _prepared(adata: AnnData, backed: Collection[str] = ()) -> AnnData:
    """Shallow copy that HDF5 has a form for, without what is ``backed``."""
    import anndata

    layers = {k: v for k, v in adata.layers.items() if f"layers/{k}" not in backed}
    copy = anndata.AnnData(
        X=None if "X" in backed else adata.X,
        layers=layers,
        **{
            part: dict(getattr(adata, part))
            for part in ("obsm", "varm", "obsp", "varp")
        },
        obs=adata.obs.copy(),
        var=adata.var.copy(),
    )
    if adata.raw is not None:
        copy.raw = adata.raw.to_adata()
    notes: dict[str, Any] = {"order": {}, "times": {}}
    copy.uns = _plain(dict(adata.uns), "", notes["order"])
    for side in ("obs", "var"):
        notes["times"][side] = _without_times(getattr(copy, side))
    copy.uns[_NOTES] = json.dumps(notes)
    return copy


def _restored(adata: AnnData) -> AnnData:
    notes = json.loads(adata.uns.pop(_NOTES, "{}"))
    if notes:
        adata.uns = _ordered(dict(adata.uns), "", notes["order"])
        for side, zones in notes["times"].items():
            _with_times(getattr(adata, side), zones)
    return adata


def read_h5ad(path: str, backed: bool = False) -> AnnData:
    """Read a file of any origin; what :func:`write_h5ad` noted is restored.

    With ``backed``, ``X`` and the layers stay in the file.
    """
    import anndata

    if not Path(path).is_file():
        raise ContractError("an h5ad file", f"no file {path}")
    try:
        return _restored(read_backed(path) if backed else anndata.read_h5ad(path))
    except (ContractError, MemoryError):
        raise
    except Exception as error:
        # HDF5 and its readers raise whatever a damaged file makes them meet.
        found = f"{Path(path).name!r}: {type(error).__name__}: {error}"
        raise ContractError("an h5ad file that can be read", found) from error


def _refuse_slashes(adata: AnnData) -> None:
    for part in ("layers", "obsm", "varm", "obsp", "varp"):
        slashed = [key for key in getattr(adata, part) if "/" in key]
        if slashed:
            raise ContractError(f"keys of {part} without slash", repr(slashed[0]))


def _plain(value: Any, where: str, order: dict[str, list[str]]) -> Any:
    if isinstance(value, dict):
        slashed = [key for key in value if "/" in key]
        if slashed:
            raise ContractError("keys of uns without slash", f"{where}{slashed[0]!r}")
        if list(value) != sorted(value):
            order[where] = list(value)
        return {k: _plain(v, f"{where}/{k}", order) for k, v in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1:
        return _text(value)
    if isinstance(value, pd.DataFrame):
        table = value.copy()
        zones = _without_times(table)
        return {"iso_table": table, "zones": zones} if zones else table
    if hasattr(value, "obsm"):
        return _prepared(value)
    if type(value).__name__ == "DatetimeArray":
        zone = str(value.tz or "")
        return {"iso_times": _iso(pd.Series(value)).array, "zone": zone}
    if isinstance(value, list) and not value:
        return {"empty_list": True}
    return value


def _text(values: Any) -> Any:
    """Text with missing entries as nullable strings."""
    return pd.array(values, dtype="string") if pd.isna(values).any() else values


def _ordered(value: Any, where: str, order: dict[str, list[str]]) -> Any:
    if hasattr(value, "obsm"):
        return _restored(value)
    if not isinstance(value, dict):
        return value
    if "iso_times" in value:
        return _times(pd.Series(value["iso_times"]), value["zone"]).array
    if "iso_table" in value:
        return _with_times(value["iso_table"], value["zones"])
    if "empty_list" in value:
        return []
    found = {k: _ordered(v, f"{where}/{k}", order) for k, v in value.items()}
    return {key: found[key] for key in order.get(where, found)}


def _without_times(table: pd.DataFrame) -> dict[str, str]:
    zones = {}
    for name in table.columns:
        column = table[name]
        if column.dtype.kind == "M":
            zones[name] = str(getattr(column.dtype, "tz", None) or "")
            table[name] = _iso(column)
        elif column.dtype == object:
            table[name] = _text(column.to_numpy())
    return zones


def _with_times(table: pd.DataFrame, zones: dict[str, str]) -> pd.DataFrame:
    for name, zone in zones.items():
        table[name] = _times(table[name], str(zone))
    return table


def _iso(column: pd.Series) -> pd.Series:
    if getattr(column.dtype, "tz", None):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    texts = [None if pd.isna(v) else v.isoformat() for v in column]
    return pd.Series(pd.array(texts, dtype="string"), index=column.index)


def _times(column: pd.Series, zone: str) -> pd.Series:
    stamps = pd.to_datetime(column.astype(object), format="ISO8601")
    coarse = stamps.astype("datetime64[us]")
    stamps = coarse if (coarse.isna() | (coarse == stamps)).all() else stamps
    return stamps.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else stamps


def _load_images(libraries: dict[str, Any]) -> None:
    for library in libraries.values():
        for name, source in library.get(keys.IMAGES, {}).items():
            if isinstance(source, str):
                library[keys.IMAGES][name] = loaded(source)
                library.setdefault(keys.IMAGE_METADATA, {})[keys.SOURCE_IMAGE] = source
