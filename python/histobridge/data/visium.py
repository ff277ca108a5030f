"""Space Ranger folders as one AnnData in the package's contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.data.lattice import library, microns_of_lattice
from histobridge.data.tables import first_of, read_10x, read_table, unique_symbols

if TYPE_CHECKING:
    from anndata import AnnData

_COUNTS = (
    "filtered_feature_bc_matrix.h5",
    "filtered_feature_bc_matrix",
    "raw_feature_bc_matrix.h5",
    "raw_feature_bc_matrix",
)
_POSITIONS = (
    "tissue_positions.csv",
    "tissue_positions.parquet",
    "tissue_positions_list.csv",
)
_COLUMNS = [
    "barcode",
    "in_tissue",
    "array_row",
    "array_col",
    "pxl_row_in_fullres",
    "pxl_col_in_fullres",
]
_PICTURES = {"hires": "tissue_hires_image", "lowres": "tissue_lowres_image"}
# Spots of Visium are 55 microns wide; Space Ranger draws them at 65.
_DIAMETER_UM = (45.0, 75.0)
_PITCH_UM = 100.0


def read_visium(
    folder: str | Path, section: str | None = None, image: str | Path | None = None
) -> AnnData:
    """Read one section that Space Ranger (1.0 to 3) has written.

    Reads counts (filtered, else raw), positions, scale factors and images; spots
    outside the tissue are left out. Images stay paths.

    Parameters
    ----------
    folder
        The folder ``outs``, or the one above it.
    section
        Name of the section; by default that of the folder.
    image
        The full-resolution image, where it is at hand.

    Returns
    -------
    AnnData of spots x genes: counts in ``X``, identifiers in ``var["gene_id"]``,
    ``obs["sample_id"]`` and array positions, ``obsm["spatial"]``, and
    ``uns["spatial"][section]`` with ``microns_per_pixel`` from the lattice.

    Raises
    ------
    ContractError
        When a file is absent or damaged, barcodes have no position, spots lie
        outside an image, or scale factors contradict the lattice.
    """
    outs = Path(folder)
    outs = outs / "outs" if (outs / "outs").is_dir() else outs
    named = outs.absolute().parent if outs.name == "outs" else outs.absolute()
    section = section or named.name
    matrix = first_of(outs, _COUNTS, "counts")
    counts, barcodes, features = read_10x(matrix)
    positions = _positions(first_of(outs / "spatial", _POSITIONS, "positions"))
    factors = _factors(outs / "spatial" / "scalefactors_json.json", positions)
    absent = [name for name in barcodes if name not in positions.index]
    # Raw matrices also count barcodes that lie under no tissue.
    if absent and not matrix.name.startswith("raw"):
        raise ContractError(
            "a position of every barcode",
            f"{len(absent)} without, such as {absent[0]!r}",
            positions.index[:3],
        )
    here = positions.reindex(barcodes)
    inside = (here["in_tissue"] == 1).to_numpy()
    if not inside.any():
        raise ContractError("spots in tissue", f"none among {len(here)} barcodes")
    here = here[inside]
    points = here[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy(dtype=float)
    entry = library(_images(outs / "spatial", factors), factors, points, section)
    if image is not None:
        if not Path(image).is_file():
            raise ContractError("the full-resolution image", f"no file {image}")
        entry[keys.IMAGE_METADATA][keys.SOURCE_IMAGE] = str(image)
    import anndata

    adata = anndata.AnnData(
        counts[inside],
        obs=here[["array_row", "array_col"]].assign(**{keys.SECTION: section}),
        var=pd.DataFrame(
            {"gene_id": features["id"].to_numpy()}, index=unique_symbols(features)
        ),
        obsm={keys.SPATIAL: points},
        uns={keys.X_NAME: keys.COUNTS, keys.SPATIAL: {section: entry}},
    )
    adata.obs[keys.SECTION] = adata.obs[keys.SECTION].astype("category")
    adata.obs_names.name = None
    contract.unique_names(adata)
    return adata


def _positions(path: Path) -> pd.DataFrame:
    # Only the list of old versions has no header.
    frame = read_table(path, header=path.name != _POSITIONS[-1])
    if frame.shape[1] != len(_COLUMNS):
        raise ContractError(
            f"the columns {', '.join(_COLUMNS)} in {path.name!r}",
            f"{frame.shape[1]} columns",
            frame.columns,
        )
    if path.name == _POSITIONS[-1]:
        frame.columns = _COLUMNS
    missing = [name for name in _COLUMNS if name not in frame]
    if missing:
        raise ContractError(f"columns {missing} in {path.name!r}", "none", frame)
    values = frame[_COLUMNS[1:]].apply(pd.to_numeric, errors="coerce")
    if not np.isfinite(values.to_numpy(dtype=float)).all():
        raise ContractError(f"numbers in {path.name!r}", "text or missing values")
    return values.set_index(pd.Index(frame["barcode"].astype(str), name=None))


def _factors(path: Path, positions: pd.DataFrame) -> dict[str, Any]:
    if not path.is_file():
        raise ContractError(f"scale factors ({path.name})", f"no file {path}")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        factors = {str(key): value for key, value in stored.items()}
    except (ValueError, AttributeError, UnicodeDecodeError) as error:
        raise ContractError(f"scale factors in {path.name!r}", str(error)) from error
    for name in factors:
        factors[name] = contract.positive(factors[name], f"a positive {name}", factors)
    if keys.MICRONS_PER_PIXEL not in factors:
        microns = _microns(positions)
        if microns is not None:
            factors[keys.MICRONS_PER_PIXEL] = microns
            _plausible(factors, microns)
    return factors


def _microns(positions: pd.DataFrame) -> float | None:
    """From the hexagonal lattice, on which row and column are both even or odd."""
    rows, columns = positions["array_row"], positions["array_col"]
    if ((rows + columns) % 2).any():
        return None
    array = np.column_stack([columns / 2, rows * np.sqrt(0.75)]) * _PITCH_UM
    points = positions[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy()
    return microns_of_lattice(points.astype(float), array)


def _plausible(factors: dict[str, Any], microns: float) -> None:
    diameter = factors.get(keys.SPOT_DIAMETER)
    low, high = _DIAMETER_UM
    if diameter is not None and not low <= diameter * microns <= high:
        raise ContractError(
            f"spot_diameter_fullres of {low / microns:.0f} to {high / microns:.0f} "
            f"pixels, as the lattice of the spots says",
            f"{diameter:g}",
        )


def _images(spatial: Path, factors: dict[str, Any]) -> dict[str, str]:
    found = {}
    for name, stem in _PICTURES.items():
        paths = [p for p in sorted(spatial.glob(f"{stem}.*")) if p.is_file()]
        if paths and keys.scale_factor(name) in factors:
            found[name] = str(paths[0])
    return found
