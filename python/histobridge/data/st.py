"""Spatial Transcriptomics text folders as one AnnData in the package's contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.data.lattice import library, microns_of_lattice
from histobridge.data.tables import counts_of, first_of, numbers, read_table

if TYPE_CHECKING:
    from anndata import AnnData

_COUNTS = ("counts.tsv*", "counts.csv*", "*count*.tsv*", "*count*.csv*", "*stdata*")
_SPOTS = ("spots.tsv*", "spots.csv*", "*spot*.tsv*", "*spot*.csv*", "*spot*.txt")
_IMAGES = ("image.*", "*HE*.jpg", "*HE*.png", "*HE*.tif*", "*.jpg", "*.tif*")


def read_st(
    folder: str | Path,
    section: str | None = None,
    *,
    pitch_microns: float = 200.0,
    image: str | Path | None = None,
) -> AnnData:
    """Read one section of Spatial Transcriptomics, as text.

    The folder holds counts (spots named ``10x13`` in rows, genes in columns), and
    where they are known a table of spots with ``x``, ``y``, ``pixel_x``,
    ``pixel_y``, and an image. Spots that the table of spots leaves out lie outside
    the tissue and are left out. Separators may be tabs, commas or semicolons.

    Parameters
    ----------
    folder
        The folder of one section.
    section
        Name of the section; by default that of the folder.
    pitch_microns
        Distance of neighbouring spots, from which microns per pixel follow.
    image
        The image, where it lies elsewhere.

    Returns
    -------
    AnnData of spots x genes: counts in ``X``, ``obs["sample_id"]`` and array
    positions, ``obsm["spatial"]`` in pixels of the image. Without pixel
    coordinates they are array positions, no image is kept, and a pixel is
    ``pitch_microns``.

    Raises
    ------
    ContractError
        When a file is absent or damaged, names are not like ``10x13``, or spots lie
        outside the image.
    """
    folder = Path(folder)
    section = section or folder.absolute().name
    path = first_of(folder, _COUNTS, "a table of counts")
    frame = read_table(path, index=True)
    array = _array_positions(frame.index, path)
    spots = _spots(folder)
    image = _image(folder, image)
    if spots is not None:
        known = spots.index.intersection(array.index, sort=False)
        if known.empty:
            raise ContractError(
                f"spots of {path.name!r} in the table of spots", "none", spots.index
            )
        frame = frame[array.index.isin(known)]
        array = array.loc[array.index.isin(known)]
        points = spots.loc[array.index].to_numpy(dtype=float)
        microns = microns_of_lattice(points, array.to_numpy() * pitch_microns)
    else:
        points, microns, image = array.to_numpy(), pitch_microns, None
    factors = {keys.scale_factor("hires"): 1.0, keys.MICRONS_PER_PIXEL: microns}
    images = {} if image is None else {"hires": str(image)}
    import anndata

    adata = anndata.AnnData(
        counts_of(frame, path),
        obs=array.rename(columns={"x": "array_x", "y": "array_y"}),
        var=pd.DataFrame(index=frame.columns.astype(str)),
        obsm={keys.SPATIAL: points},
        uns={
            keys.X_NAME: keys.COUNTS,
            keys.SPATIAL: {section: library(images, factors, points, section)},
        },
    )
    adata.obs_names = [str(name) for name in frame.index]
    adata.obs[keys.SECTION] = pd.Categorical([section] * adata.n_obs)
    contract.unique_names(adata)
    return adata


def _array_positions(names: pd.Index, path: Path) -> pd.DataFrame:
    """Array x and y in names such as ``10x13`` or ``1.02x2.98``."""
    parts = names.astype(str).str.extract(r"^(-?[\d.]+)x(-?[\d.]+)$")
    values = parts.apply(pd.to_numeric, errors="coerce")
    if values.isna().any(axis=None) or values.empty:
        raise ContractError(
            f"spots named like '10x13' in the rows of {path.name!r}",
            f"{[str(name) for name in names[:3]]}",
            "transpose the table if genes are in rows",
        )
    values.columns = ["x", "y"]
    values.index = [f"{x:g}x{y:g}" for x, y in values.to_numpy()]
    return values


def _spots(folder: Path) -> pd.DataFrame | None:
    """Pixels of spots by their array position, where a table tells."""
    found = [path for name in _SPOTS for path in sorted(folder.glob(name))]
    if not found:
        return None
    frame = read_table(found[0])
    columns = ["x", "y", "pixel_x", "pixel_y"]
    missing = [name for name in columns if name not in frame]
    if missing:
        raise ContractError(f"columns {missing} in {found[0].name!r}", "none", frame)
    values = numbers(frame[columns], found[0])
    if "selected" in frame:
        values = values[frame["selected"].to_numpy() == 1]
    index = [f"{x:g}x{y:g}" for x, y in values[:, :2]]
    if len(set(index)) < len(index):
        raise ContractError("every spot once", f"repeated spots in {found[0].name!r}")
    return pd.DataFrame(values[:, 2:], index=index, columns=np.array(columns[2:]))


def _image(folder: Path, image: str | Path | None) -> Path | None:
    if image is not None:
        if not Path(image).is_file():
            raise ContractError("the image", f"no file {image}")
        return Path(image)
    return next((p for name in _IMAGES for p in sorted(folder.glob(name))), None)
