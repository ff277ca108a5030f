"""Slides that are larger than memory, read by their tiles."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from histobridge.contract import ContractError
from histobridge.images.pixels import BACKGROUND, as_rgb

LAZY_PIXELS = 2**26
"""Images with more pixels than this are read by tiles, not as a whole."""

_BLOCK = 4096
_SEGMENT_BYTES = 2**30
_ASPECT = 0.02


class LazyPixels:
    """An RGB image on disk that is sliced like an array (height, width, 3).

    Attributes
    ----------
    shape
        (height, width, 3).
    path
        The file.
    """

    path: Path
    shape: tuple[int, int, int]

    def region(self, left: int, top: int, width: int, height: int) -> np.ndarray:
        """Region inside the image as uint8 (height, width, 3)."""
        raise NotImplementedError

    def levels(self) -> list[LazyPixels]:
        """Coarser copies that the file holds, the largest first."""
        return []

    def digest(self) -> str:
        """SHA-256 of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def __getitem__(self, key: Any) -> np.ndarray:
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        rows = range(*rows.indices(self.shape[0]))
        columns = range(*columns.indices(self.shape[1]))
        if rows.step == columns.step == 1:
            return self.region(columns.start, rows.start, len(columns), len(rows))
        out = np.empty((len(rows), len(columns), 3), dtype=np.uint8)
        for i in _blocks(rows):
            for j in _blocks(columns):
                width, height = _span(columns[j]), _span(rows[i])
                part = self.region(columns[j][0], rows[i][0], width, height)
                out[i, j] = part[:: rows.step, :: columns.step]
        return out


class TiffPixels(LazyPixels):
    """Tiles (or strips) of a TIFF; tiles that are not there are background.

    Raises
    ------
    ContractError
        When pixels are not stored as 1, 3 or 4 channels of whole numbers, or a
        single segment is too large to be read.
    """

    def __init__(self, path: Path, level: int = 0):
        import tifffile

        self.path = path
        with tifffile.TiffFile(path) as file:
            pages = _pyramid(file)
            self._count, page = len(pages), pages[level]
            self._page = getattr(page, "keyframe", page)
            self._offsets, self._bytes = page.dataoffsets, page.databytecounts
            # To make its decoder, the page reads from the open file.
            self._decode, self._tables = self._page.decode, self._page.jpegtables
            self.shape = (page.imagelength, page.imagewidth, 3)
        page = self._page
        self._tile = (
            (page.tilelength, page.tilewidth)
            if page.is_tiled
            else (page.rowsperstrip, page.imagewidth)
        )
        # Of a planar image every channel would be a picture of its own.
        plain = page.planarconfig == 1 and page.samplesperpixel in (1, 3, 4)
        if not plain or np.dtype(page.dtype).kind not in "ub":
            raise ContractError(
                "a large TIFF with 1, 3 or 4 channels of whole numbers side by side",
                f"{path.name!r}: {page.samplesperpixel} channels of {page.dtype}",
            )
        if math.prod(self._tile) * page.samplesperpixel > _SEGMENT_BYTES:
            raise ContractError(
                f"tiles in a TIFF of {self.shape[1]} x {self.shape[0]} pixels",
                f"{path.name!r}, stored in one piece of {self._tile}",
                "save it as a tiled, pyramidal TIFF",
            )

    def levels(self) -> list[LazyPixels]:
        """Levels of the pyramid below this one."""
        return [TiffPixels(self.path, level) for level in range(1, self._count)]

    def region(self, left: int, top: int, width: int, height: int) -> np.ndarray:
        """Region as uint8 (height, width, 3), decoded tile by tile."""
        out = np.full((height, width, 3), BACKGROUND, dtype=np.uint8)
        high, wide = self._tile
        across = -(-self.shape[1] // wide)
        with self.path.open("rb") as file:
            for i in range(top // high, -(-(top + height) // high)):
                for j in range(left // wide, -(-(left + width) // wide)):
                    tile = self._segment(file, i * across + j)
                    if tile is not None:
                        _paste(out, tile, j * wide - left, i * high - top)
        return out

    def _segment(self, file: Any, index: int) -> np.ndarray | None:
        if not self._bytes[index]:
            return None
        file.seek(self._offsets[index])
        data = file.read(self._bytes[index])
        try:
            if len(data) < self._bytes[index]:
                raise ValueError("the file ends before it")
            more = {} if self._tables is None else {"jpegtables": self._tables}
            decoded = self._decode(data, index, **more)[0]
        except Exception as error:
            raise ContractError(
                f"every tile of {self.path.name!r}", f"tile {index} is damaged: {error}"
            ) from error
        if decoded is None:
            return None
        # Whole numbers of 16 bits are scaled alike in all tiles.
        deep = np.dtype(self._page.dtype).itemsize > 1
        return as_rgb(decoded[0], self.path.name, deep=deep)


class OpenSlidePixels(LazyPixels):
    """A whole-slide format of a vendor, read by openslide."""

    def __init__(self, slide: Any, path: Path, level: int = 0):
        self._slide, self.path, self._level = slide, path, level
        width, height = slide.level_dimensions[level]
        self.shape = (height, width, 3)

    def levels(self) -> list[LazyPixels]:
        """Levels of the pyramid below this one."""
        return [
            OpenSlidePixels(self._slide, self.path, level)
            for level in range(1, self._slide.level_count)
        ]

    def region(self, left: int, top: int, width: int, height: int) -> np.ndarray:
        """Region as uint8 (height, width, 3), transparent pixels as background."""
        factor = self._slide.level_downsamples[self._level]
        corner = (round(left * factor), round(top * factor))
        picture = self._slide.read_region(corner, self._level, (width, height))
        return as_rgb(np.asarray(picture), self.path.name)


def _pyramid(file: Any) -> list[Any]:
    """First pages of the levels, the largest first."""
    pages = [level.pages[0] for level in file.series[0].levels]
    if len(pages) == 1 and getattr(pages[0], "subifds", None):
        pages += list(pages[0].pages)
    kept = pages[:1]
    for page in pages[1:]:
        page = getattr(page, "keyframe", page)
        shrunk = kept[-1].imagewidth / page.imagewidth
        also = kept[-1].imagelength / page.imagelength
        if shrunk > 1 and abs(also / shrunk - 1) < _ASPECT:
            kept.append(page)
    return kept


def _paste(out: np.ndarray, tile: np.ndarray, x: int, y: int) -> None:
    x0, x1 = max(x, 0), min(x + tile.shape[1], out.shape[1])
    y0, y1 = max(y, 0), min(y + tile.shape[0], out.shape[0])
    if x0 < x1 and y0 < y1:
        out[y0:y1, x0:x1] = tile[y0 - y : y1 - y, x0 - x : x1 - x]


def _blocks(places: range) -> list[slice]:
    each = max(1, _BLOCK // places.step)
    return [slice(i, min(i + each, len(places))) for i in range(0, len(places), each)]


def _span(places: range) -> int:
    return places[-1] - places[0] + 1
