"""SpatialData stores (Zarr) as one AnnData in the package's contract."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import keys
from histobridge.contract import ContractError

if TYPE_CHECKING:
    from anndata import AnnData
    from spatialdata import SpatialData

_AXES = ("x", "y")
_ATTRIBUTES = "spatialdata_attrs"


def read_spatialdata(
    store: str | Path | SpatialData,
    table: str | None = None,
    images: dict[str, list[str]] | None = None,
    microns_per_pixel: float | None = None,
    max_pixels: int = 10_000,
) -> AnnData:
    """Read one table of a SpatialData store, with the images of its regions.

    Every region that the table annotates becomes a section. Centroids of its
    shapes, points or labels are brought into the pixel frame of its finest image,
    whatever transformations the store holds; each image has its own factor
    ``tissue_<image>_scalef`` from that frame.

    Parameters
    ----------
    store
        Folder of a Zarr store, or an open SpatialData.
    table
        Name of the table; the only one where there is one.
    images
        Region -> names of its images. By default every RGB image that shares a
        coordinate system with the region.
    microns_per_pixel
        Of the finest images; stores do not tell.
    max_pixels
        Longest side of an image to load, where a coarser scale is stored.

    Returns
    -------
    AnnData: the table, with ``obs["sample_id"]``, ``obsm["spatial"]`` and
    ``uns["spatial"][region]``.

    Raises
    ------
    ContractError
        When spatialdata is not installed, there is no such table, the table
        annotates no region, or an image is turned or shifted against another.
    """
    sdata = _open(store)
    adata = _table(sdata, table)
    attributes = adata.uns.pop(_ATTRIBUTES, None)
    if attributes is None:
        raise ContractError("a table that annotates regions", "no region", sdata.tables)
    regions = adata.obs[attributes["region_key"]].astype(str)
    instances = adata.obs[attributes["instance_key"]]
    points = np.full((adata.n_obs, 2), np.nan)
    libraries = {}
    for region in regions.unique():
        rows = np.flatnonzero(regions == region)
        found = _images_of(sdata, region, (images or {}).get(region))
        points[rows] = _positions(sdata, region, instances.iloc[rows], found)
        library = _library(sdata, found, max_pixels)
        library[keys.SCALE_FACTORS] |= _diameter(sdata[region], found)
        if microns_per_pixel is not None:
            library[keys.SCALE_FACTORS][keys.MICRONS_PER_PIXEL] = microns_per_pixel
        libraries[region] = library
    adata.obs[keys.SECTION] = regions.astype("category")
    adata.obsm[keys.SPATIAL] = points
    adata.uns[keys.SPATIAL] = libraries
    return adata


def _open(store: str | Path | SpatialData) -> SpatialData:
    try:
        import spatialdata
    except ImportError as error:
        raise ContractError(
            "the package spatialdata",
            f"{error.name} is not installed: pip install 'histobridge[spatialdata]'",
        ) from error
    if isinstance(store, spatialdata.SpatialData):
        return store
    if not Path(store).is_dir():
        raise ContractError("a SpatialData store (a folder)", f"no folder {store}")
    try:
        return spatialdata.read_zarr(store)
    except (ContractError, MemoryError):
        raise
    except Exception as error:
        found = f"{store}: {type(error).__name__}: {error}"
        raise ContractError("a SpatialData store that can be read", found) from error


def _table(sdata: SpatialData, name: str | None) -> AnnData:
    names = list(sdata.tables)
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        found = "several" if name is None and names else name or "none"
        raise ContractError("the name of a table of the store", str(found), names)
    return sdata.tables[name].copy()


def _images_of(
    sdata: SpatialData, region: str, names: list[str] | None
) -> dict[str, tuple[str, np.ndarray]]:
    """Images of a region, the finest first.

    Returns
    -------
    Name -> a coordinate system that both have, and the affine (3, 3) from the
    region's own coordinates to pixels of the image.
    """
    chosen = _rgb_images(sdata) if names is None else names
    unknown = [name for name in (region, *chosen) if name not in sdata]
    if unknown:
        raise ContractError("elements of the store", str(unknown), _elements(sdata))
    found = {}
    for name in chosen:
        systems = [s for s in _systems(sdata[region]) if s in _systems(sdata[name])]
        if systems:
            to_pixels = np.linalg.inv(_affine(sdata[name], systems[0]))
            found[name] = systems[0], to_pixels @ _affine(sdata[region], systems[0])
        elif names is not None:
            raise ContractError(
                f"image {name!r} in a coordinate system of {region!r}",
                str([*_systems(sdata[name])]),
                _systems(sdata[region]),
            )
    return dict(sorted(found.items(), key=lambda item: -_size(item[1][1])))


def _rgb_images(sdata: SpatialData) -> list[str]:
    from spatialdata.models import get_channel_names

    return [n for n in sdata.images if len(get_channel_names(sdata[n])) in (3, 4)]


def _elements(sdata: SpatialData) -> list[str]:
    return [name for _, name, _ in sdata.gen_elements()]


def _systems(element: Any) -> dict[str, Any]:
    from spatialdata.transformations import get_transformation

    return get_transformation(element, get_all=True)


def _affine(element: Any, system: str) -> np.ndarray:
    """Matrix (3, 3) from the element's own coordinates to the system's."""
    return _systems(element)[system].to_affine_matrix(_AXES, _AXES)


def _size(affine: np.ndarray) -> float:
    """Factor by which lengths grow."""
    return float(np.sqrt(abs(np.linalg.det(affine[:2, :2]))))


def _positions(
    sdata: SpatialData,
    region: str,
    instances: Any,
    images: dict[str, tuple[str, np.ndarray]],
) -> np.ndarray:
    """Centres (n, 2) of instances in pixels of the finest image.

    Without an image they stay in the first coordinate system of the region.
    """
    import spatialdata

    frame = next(iter(images), None)
    near = next(iter(_systems(sdata[region])))
    system = near if frame is None else images[frame][0]
    centres = spatialdata.get_centroids(sdata[region], coordinate_system=system)
    centres = centres.compute()
    absent = instances[~instances.isin(centres.index)]
    if len(absent):
        raise ContractError(
            f"every instance of the table in region {region!r}",
            f"{len(absent)} that are not there, such as {absent.iloc[0]!r}",
        )
    points = centres.loc[instances, list(_AXES)].to_numpy(dtype=float)
    if frame is None:
        return points
    pixels = np.linalg.inv(_affine(sdata[frame], system))
    return points @ pixels[:2, :2].T + pixels[:2, 2]


def _diameter(
    element: Any, images: dict[str, tuple[str, np.ndarray]]
) -> dict[str, float]:
    """Diameter of the spots in pixels of the finest image, where they are circles."""
    radius = getattr(element, "radius", None)
    if radius is None or not images:
        return {}
    _, affine = next(iter(images.values()))
    return {keys.SPOT_DIAMETER: float(2 * np.median(radius) * _size(affine))}


def _library(
    sdata: SpatialData, images: dict[str, tuple[str, np.ndarray]], most: int
) -> dict[str, Any]:
    """Entry of ``uns["spatial"]``: arrays (height, width, channels) and factors."""
    pixels, factors = {}, {}
    for name, (_, affine) in images.items():
        _, finest = next(iter(images.values()))
        step = affine @ np.linalg.inv(finest)
        _unturned(step, name)
        pixels[name], coarser = _pixels(sdata[name], most)
        factors[keys.scale_factor(name)] = _size(step) * coarser
    return {keys.IMAGES: pixels, keys.SCALE_FACTORS: factors, keys.IMAGE_METADATA: {}}


def _unturned(step: np.ndarray, name: str) -> None:
    """Refuse what a single factor cannot express, up to a pixel of the image."""
    scale = _size(step)
    turned = np.abs(step[:2, :2] - scale * np.eye(2)).max() > 1e-3 * scale
    if turned or np.abs(step[:2, 2]).max() > 1:
        raise ContractError(
            f"image {name!r} that differs from the finest one in scale only",
            "a turn or a shift between them",
            "images={region: [names]} to choose those that fit",
        )


def _pixels(image: Any, most: int) -> tuple[np.ndarray, float]:
    """Array of the finest stored scale that is small enough, and its factor."""
    scales = [image]
    if hasattr(image, "children"):
        scales = [next(iter(level.data_vars.values())) for level in image.values()]
    fits = [s for s in scales if max(s.sizes["x"], s.sizes["y"]) <= most]
    chosen = fits[0] if fits else scales[-1]
    array = np.asarray(chosen.transpose("y", "x", "c").data)[..., :3]
    return array, chosen.sizes["x"] / scales[0].sizes["x"]
