"""What the R package needs done on the Python side of the bridge.

R passes plain vectors and a mask of missing values; nothing here guesses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import keys
from histobridge.interop.buffers import allocate, fill, flat, share, size
from histobridge.interop.columns import (
    column,
    column_parts,
    fitting,
    frame,
    matrix_frame,
    names,
    nth,
    odd,
)
from histobridge.interop.desk import leave, take
from histobridge.interop.disk import backed_dense, backed_sparse, disk_place
from histobridge.interop.files import read_h5ad, write_h5ad
from histobridge.interop.matrices import (
    dense,
    frame_values,
    matrix_kind,
    matrix_parts,
    rows,
    sparse,
    sparse_parts,
)
from histobridge.interop.notices import Notices
from histobridge.interop.pictures import (
    further,
    is_remote,
    loaded,
    pixel_parts,
    pixels,
    stray,
)
from histobridge.interop.record import nested, outdated
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
    "Notices",
    "allocate",
    "array_facts",
    "backed_dense",
    "backed_sparse",
    "build",
    "column",
    "column_parts",
    "count",
    "dense",
    "disk_place",
    "entry",
    "fill",
    "fitting",
    "flat",
    "fold_parts",
    "frame",
    "frame_values",
    "further",
    "get",
    "has",
    "has_x",
    "is_remote",
    "keys_of",
    "labels",
    "leave",
    "loaded",
    "matrix_frame",
    "matrix_kind",
    "matrix_parts",
    "misfits",
    "model_facts",
    "names",
    "nested",
    "nth",
    "outdated",
    "part_keys",
    "picture",
    "pixel_parts",
    "pixels",
    "prediction",
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
    "stray",
    "table",
    "take",
    "text",
    "transposed",
    "unplaced",
    "value_kind",
    "write_h5ad",
]


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


def picture(adata: AnnData, name: str) -> dict[str, Any]:
    """Picture of ``<section> <image id>`` as listed by ``keys_of``, and its scale."""
    for section, library in adata.uns[keys.SPATIAL].items():
        image_id = name.removeprefix(f"{section} ")
        if image_id in library.get(keys.IMAGES, {}) and name != image_id:
            scale = library[keys.SCALE_FACTORS][keys.scale_factor(image_id)]
            return {
                "section": section,
                "image_id": image_id,
                "image": library[keys.IMAGES][image_id],
                "scale": float(scale),
            }
    raise KeyError(name)


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
    for part in ("obs", "var"):
        table = getattr(adata, part)
        for place, name in enumerate(table.columns):
            found = odd(table.iloc[:, place])
            left += [f'{part}["{name}"] ({found})'] if found else []
    for part in ("layers", "obsm", "varm", "obsp", "varp"):
        for key, value in getattr(adata, part).items():
            kind = matrix_kind(value)
            disk = kind == "disk" and part == "layers"
            if kind not in ("array", "frame", "sparse") and not disk:
                left.append(f'{part}["{key}"] ({kind})')
    special = {keys.SPATIAL, keys.ALT_EXPERIMENTS, keys.SETTINGS}
    for key, value in adata.uns.items():
        if key not in special:
            left += misfits(value, f'uns["{key}"]')
    left += misfits(further(adata.uns.get(keys.SPATIAL, {})), f'uns["{keys.SPATIAL}"]')
    for key, inner in nested(adata).items():
        where = f'uns["{keys.ALT_EXPERIMENTS}"]["{key}"]'
        left += [f"{found} of {where}" for found in unplaced(inner)]
    return left + outdated(adata)


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
        "images": [
            f"{section} {image_id}"
            for section, library in adata.uns.get(keys.SPATIAL, {}).items()
            for image_id in library.get(keys.IMAGES, {})
        ],
    }


def model_facts(model: Any) -> dict[str, Any]:
    """Genes and settings of a fitted translator, for its R wrapper to show."""
    return {
        "genes": [str(gene) for gene in model.genes_],
        "settings": settings(model.settings_),
    }


def fold_parts(folds: Any) -> dict[str, Any]:
    """Names, members and audit of ``SpatialFolds``."""
    members = folds.members
    return {
        "spots": [str(spot) for spot in folds.spots],
        "splits": list(folds.test),
        "split": members["split"].to_numpy(),
        "spot": members["spot"].to_numpy(),
        "role": list(members["role"]),
        "audit": folds.audit,
    }


def prediction(values: np.ndarray, spots: list[str], genes: list[str]) -> pd.DataFrame:
    """Predictions (spots x genes) of a matrix of genes x spots."""
    return pd.DataFrame(np.asarray(values).T, index=spots, columns=genes)


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
