"""Access to the image of a section: an array, a picture file or a pyramidal slide."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.images.lazy import (
    LAZY_PIXELS,
    LazyPixels,
    OpenSlidePixels,
    TiffPixels,
)
from histobridge.images.pixels import BACKGROUND, as_rgb
from histobridge.memory import free_memory

if TYPE_CHECKING:
    from anndata import AnnData

_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}
_TIFFS = {".tif", ".tiff"}
_MOST_PIXELS = 2**30
# Pillow's own four, and three or four of the array.
_BYTES_PER_PIXEL = 8
_BAND = 512


class Slide:
    """An RGB image read region by region.

    Attributes
    ----------
    width, height
        Size in pixels.
    pixel_scale
        Image pixels per full-resolution pixel.
    microns_per_pixel
        Microns per *image* pixel.
    """

    def __init__(
        self, pixels: np.ndarray | LazyPixels, pixel_scale: float, microns: float
    ):
        self._pixels = pixels
        self.height, self.width = pixels.shape[:2]
        self.pixel_scale = float(pixel_scale)
        self.microns_per_pixel = float(microns)
        self.stain: tuple = ()

    def read(self, left: int, top: int, width: int, height: int) -> np.ndarray:
        """Region as uint8 (height, width, 3); outside the image it is background."""
        out = np.full((height, width, 3), BACKGROUND, dtype=np.uint8)
        x0, x1 = max(left, 0), min(left + width, self.width)
        y0, y1 = max(top, 0), min(top + height, self.height)
        if x0 < x1 and y0 < y1:
            region = np.asarray(self._pixels[y0:y1, x0:x1])
            out[y0 - top : y1 - top, x0 - left : x1 - left] = region
        return out

    def thumbnail(self, most: int = 800) -> np.ndarray:
        """Whole image, subsampled so that its longer side is at most ``most``."""
        step = max(1, int(np.ceil(max(self.width, self.height) / most)))
        return np.asarray(self._pixels[::step, ::step])

    def coarser(self, most: int) -> tuple[Slide, float]:
        """Stored level whose longer side still is at least ``most``, and its factor.

        An image in memory has one level only.
        """
        levels = self._pixels.levels() if isinstance(self._pixels, LazyPixels) else []
        enough = [level for level in levels if max(level.shape[:2]) >= most]
        if not enough:
            return self, 1.0
        factor = self.width / enough[-1].shape[1]
        scale, microns = self.pixel_scale / factor, self.microns_per_pixel * factor
        return Slide(enough[-1], scale, microns), factor

    def is_quick(self, most: int) -> bool:
        """Whether an overview of ``most`` pixels needs no pass over a large file."""
        in_memory = not isinstance(self._pixels, LazyPixels)
        return in_memory or self.coarser(most)[0] is not self

    def digest(self) -> str:
        """SHA-256 of the pixels, the identity used by the feature cache."""
        if isinstance(self._pixels, LazyPixels):
            return self._pixels.digest()
        sha = hashlib.sha256(repr(self._pixels.shape).encode())
        for top in range(0, self.height, 1024):
            sha.update(np.ascontiguousarray(self._pixels[top : top + 1024]).data)
        return sha.hexdigest()


def open_slide(
    adata: AnnData,
    section: str,
    image_id: str | None = None,
    microns: float = 0.0,
    stain: str | None = None,
) -> Slide:
    """Open the image of one section.

    Reads ``uns["spatial"][section]``: the image named ``image_id`` (default: the
    full-resolution source image, else ``hires``, else the first), its
    ``tissue_<id>_scalef`` and ``microns_per_pixel``.

    Parameters
    ----------
    microns
        Microns per full-resolution pixel where the object does not store it.
    stain
        Read as if stained like the shipped sample: ``reinhard``, ``macenko`` or
        ``vahadane``, estimated on this image alone; or as ``harmonize_sections``
        has recorded under this name.

    Raises
    ------
    ContractError
        When there is no image, its file does not exist, or microns are missing.
    """
    library = adata.uns.get(keys.SPATIAL, {}).get(section, {})
    images = dict(library.get(keys.IMAGES, {}))
    factors = library.get(keys.SCALE_FACTORS, {})
    source = library.get(keys.IMAGE_METADATA, {}).get(keys.SOURCE_IMAGE)
    if image_id is None:
        image_id = _default_image(images, source)
    if image_id == keys.SOURCE_IMAGE and source:
        image, scale = source, 1.0
    elif image_id is not None and image_id in images:
        image = images[image_id]
        name = keys.scale_factor(image_id)
        scale = contract.positive(
            factors.get(name), f"scale factor {name!r} of section {section!r}", factors
        )
    else:
        raise ContractError(
            f"an image of section {section!r} "
            '(uns["spatial"][section]["images"]; imgData in R)',
            "none" if image_id is None else f"no image named {image_id!r}",
            images or adata.uns.get(keys.SPATIAL, {}),
        )
    full = microns or contract.microns_per_pixel(adata, section)
    slide = Slide(_pixels(image, section), scale, full / scale)
    if stain is None:
        return slide
    from histobridge.images.stains import restained

    return restained(adata, section, slide, stain)


def _default_image(images: dict, source: str | None) -> str | None:
    # A lost source matters only where nothing stands in for it.
    if source and (Path(source).exists() or not images):
        return keys.SOURCE_IMAGE
    return "hires" if "hires" in images else next(iter(images), None)


def _pixels(image: Any, section: str) -> np.ndarray | LazyPixels:
    if isinstance(image, str | Path):
        name = Path(image).name
        image = _read_file(Path(image), section)
    else:
        name = f"of section {section}"
    return image if isinstance(image, LazyPixels) else as_rgb(image, name)


def _read_file(path: Path, section: str) -> np.ndarray | LazyPixels:
    if not path.exists():
        raise ContractError(
            f"the image file of section {section!r}", f"no file {str(path)!r}"
        )
    try:
        return _decoded(path)
    except ContractError:
        raise
    except MemoryError as error:
        found = f"{path.name!r}, which asks for more"
        raise ContractError("an image that fits into memory", found) from error
    except Exception as error:
        # A damaged file makes its decoder raise whatever it happens to meet.
        found = f"{path.name!r}: {type(error).__name__}: {error}"
        raise ContractError("an image file that can be read", found) from error


def _decoded(path: Path) -> np.ndarray | LazyPixels:
    suffix = path.suffix.lower()
    if suffix in _TIFFS:
        return _read_tiff(path)
    return _read_picture(path) if suffix in _PICTURES else _read_openslide(path)


def _read_tiff(path: Path) -> np.ndarray | LazyPixels:
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.series[0].pages[0]
        large = page.imagelength * page.imagewidth > LAZY_PIXELS
        # A pyramid or a stack is one image only in its first part.
        return TiffPixels(path) if large else _channels_last(file)


def _channels_last(file: Any) -> np.ndarray:
    series = file.series[0]
    image = series.asarray()
    planar = image.ndim == 3 and series.axes[0] in "SC" and image.shape[0] in (3, 4)
    return np.moveaxis(image, 0, -1) if planar else image


def _read_picture(path: Path) -> np.ndarray:
    from PIL import Image

    # Whole-slide scans pass Pillow's guard against decompression bombs.
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(path) as picture:
            _must_fit(picture.width, picture.height, path.name)
            if picture.mode.startswith(("I", "F")):
                # Pillow would clip 16 bits to white.
                return np.asarray(picture)
            clear = "A" in picture.getbands() or "transparency" in picture.info
            return _by_bands(picture, "RGBA" if clear else "RGB")
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _must_fit(width: int, height: int, name: str) -> None:
    free = free_memory()
    too_large = free is not None and width * height * _BYTES_PER_PIXEL > free
    if too_large or width * height > _MOST_PIXELS:
        raise ContractError(
            "an image that fits into memory",
            f"{width} x {height} pixels in {name!r}",
            "save it as a tiled TIFF, which is read by tiles",
        )


def _by_bands(picture: Any, mode: str) -> np.ndarray:
    """Bytes (height, width, channels); a whole conversion would hold three copies."""
    width, height = picture.size
    found = np.empty((height, width, len(mode)), np.uint8)
    for top in range(0, height, _BAND):
        end = min(top + _BAND, height)
        band = picture.crop((0, top, width, end))
        found[top:end] = np.asarray(band.convert(mode))
    return found


def _read_openslide(path: Path) -> LazyPixels:
    known = sorted(_PICTURES | _TIFFS)
    try:
        import openslide
    except ImportError as error:
        raise ContractError(
            "an image of a known format",
            f"{path.suffix!r} (needs openslide: pip install 'histobridge[slides]')",
            known,
        ) from error
    try:
        slide = openslide.OpenSlide(str(path))
    except openslide.OpenSlideError as error:
        found = f"{path.name!r}, a format that openslide cannot read: {error}"
        raise ContractError("an image of a known format", found, known) from error
    return OpenSlidePixels(slide, path)
