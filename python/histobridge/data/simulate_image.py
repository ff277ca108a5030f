"""Painting of the H&E-like image of a simulated section.

Stains are mixed as optical densities, as in a real scan: nuclei carry
haematoxylin, stroma and cytoplasm carry eosin, and pixels are ``10 ** -density``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.ndimage import gaussian_filter

# Columns: nuclear radius (um), elongation (long / short axis), haematoxylin in the
# nucleus, eosin added in the cytoplasm (both optical density), area per cell (um2).
# The rows imitate lymphocyte, tumour, fibroblast, myocyte, adipocyte or foam cell,
# granulocyte, endothelium and neuron, in this order.
_APPEARANCE = np.array(
    [
        [3.6, 1.1, 0.95, 0.00, 280],
        [6.6, 1.3, 0.50, 0.06, 480],
        [4.2, 3.2, 0.75, 0.00, 800],
        [4.2, 1.8, 0.55, 0.26, 800],
        [4.4, 1.1, 0.45, -0.12, 1100],
        [3.4, 1.2, 0.75, 0.16, 500],
        [3.6, 2.6, 1.00, -0.06, 600],
        [7.6, 1.0, 0.35, 0.02, 1200],
    ]
)

# Macenko et al. (2009), ISBI, reference stain vectors in optical density of R, G, B.
_HAEMATOXYLIN = np.array([0.5626, 0.7201, 0.4062])
_EOSIN = np.array([0.2159, 0.8012, 0.5581])

_STROMA = 0.17
_BACKGROUND = 244.0
_CYTOPLASM = 1.9
_STAMPS = 1_000_000


def appearance(n_types: int) -> np.ndarray:
    """Return the looks of the cell types, one row each.

    Returns
    -------
    float (n_types, 5): nuclear radius in um, elongation, nuclear haematoxylin,
    cytoplasmic eosin, area per cell in um2. The ninth type looks like a larger
    first one, and so on.
    """
    index = np.arange(n_types)
    looks = _APPEARANCE[index % len(_APPEARANCE)].copy()
    looks[:, 0] *= 1.25 ** (index // len(_APPEARANCE))
    return looks


def paint_section(
    cells: np.ndarray,
    log_eosin: np.ndarray,
    tile_px: float,
    microns_per_pixel: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, Nuclei]:
    """Image of one section, and the nuclei in it.

    Parameters
    ----------
    cells
        int (side, side, n_types): cells of each type in each square tile.
    log_eosin
        float (side, side): log factor on the eosin of the stroma at tile centres.
    tile_px
        Side of a tile in pixels.

    Returns
    -------
    uint8 (p, p, 3) with ``p = round((side - 1) * tile_px)``: from the centre of the
    first tile to that of the last, so tile ``(i, j)`` is centred on pixel
    ``(x, y) = (j * tile_px, i * tile_px)`` and the outermost tiles hold the margin.
    """
    side = len(cells)
    size = round((side - 1) * tile_px)
    # A cubic spline per axis: bilinear interpolation would leave visible seams.
    grid = np.arange(size) / tile_px
    spread = make_interp_spline(np.arange(side), np.eye(side), k=3)(grid)
    spread = spread.astype(np.float32)

    def smooth() -> np.ndarray:
        lattice = gaussian_filter(rng.standard_normal((side, side)), 1.0) * 3.5
        return spread @ lattice.astype(np.float32) @ spread.T

    angle = rng.uniform(0, np.pi)
    fibres = _fibres(smooth(), angle, microns_per_pixel)
    grain = rng.standard_normal((size, size), dtype=np.float32)
    grain = gaussian_filter(grain, 0.8) * 2.8
    placed = _place_nuclei(cells, angle, tile_px, microns_per_pixel, rng)
    nuclei, cytoplasm = _draw_cells(placed, cells.shape[-1], size, rng)
    stroma = np.exp(spread @ log_eosin.astype(np.float32) @ spread.T) * _STROMA
    stroma *= 1 + 0.30 * fibres + 0.12 * grain
    eosin = np.maximum(stroma * (1 - 0.5 * (nuclei > 0)) + cytoplasm, 0.015)
    haematoxylin = nuclei * (1 + 0.15 * grain) + 0.02
    image = _stain(haematoxylin, eosin, rng)
    # The edge stays in the margin: a patch of one pitch never shows it.
    near = np.minimum(grid, grid[-1] - grid)
    outside = np.minimum(near[:, None], near[None]) < 0.25 + 0.16 * np.tanh(
        0.7 * smooth()
    )
    image[outside] = _BACKGROUND + grain[outside, None]
    return np.clip(np.round(image), 0, 255).astype(np.uint8), placed


@dataclass(frozen=True)
class Nuclei:
    """Nuclei of one section.

    Attributes
    ----------
    kind
        (n,) cell type of each.
    ellipses
        (n, 5): x, y, half long and half short axis in pixels, angle.
    """

    kind: np.ndarray
    ellipses: np.ndarray

    def raster(self, side: int) -> np.ndarray:
        """Cell type of every pixel, counted from 1, 0 outside: uint8 (side, side)."""
        out = np.zeros((side, side), dtype=np.uint8)
        for kind in np.unique(self.kind):
            own = np.zeros((side, side), dtype=np.float32)
            shown = self.ellipses[self.kind == kind]
            _stamp(own, shown, np.ones(len(shown)), softness=0.35)
            out[own > 0.5] = kind + 1
        return out


def _fibres(bend: np.ndarray, angle: float, microns_per_pixel: float) -> np.ndarray:
    """Wavy bands along ``angle``, about 14 um apart, values -1 to 1."""
    size = len(bend)
    steps = np.arange(size, dtype=np.float32) * (microns_per_pixel * 2 * np.pi / 14)
    across = steps[:, None] * np.cos(angle) - steps[None] * np.sin(angle)
    return np.cos(across + 45 * bend, dtype=np.float32)


def _stain(
    haematoxylin: np.ndarray, eosin: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """RGB (p, p, 3) of two densities under the staining of this section."""
    # Sections differ a little in strength and hue of both stains, as in a real batch.
    strength = np.exp(rng.normal(0, 0.06, 2))
    hues = np.stack([_HAEMATOXYLIN, _EOSIN]) + rng.normal(0, 0.015, (2, 3))
    mixing = (hues * strength[:, None] * np.log(10)).astype(np.float32)
    density = haematoxylin[..., None] * mixing[0] + eosin[..., None] * mixing[1]
    return _BACKGROUND * np.exp(-density)


def _place_nuclei(
    cells: np.ndarray,
    angle: float,
    tile_px: float,
    microns_per_pixel: float,
    rng: np.random.Generator,
) -> Nuclei:
    tile, kind = _place_types(cells, rng)
    x, y = _place_cells(tile, len(cells), tile_px, microns_per_pixel, rng)
    looks = appearance(cells.shape[-1])[kind]
    radius = looks[:, 0] * rng.lognormal(0, 0.08, len(kind)) / microns_per_pixel
    stretch = np.sqrt(looks[:, 1] * rng.lognormal(0, 0.08, len(kind)))
    turn = angle + rng.normal(0, 0.5, len(kind))
    ellipses = np.stack([x, y, radius * stretch, radius / stretch, turn], axis=1)
    return Nuclei(kind, ellipses)


def _draw_cells(
    placed: Nuclei, n_types: int, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rasters (size, size) of nuclear haematoxylin and of cytoplasmic eosin."""
    looks, ellipses = appearance(n_types)[placed.kind], placed.ellipses.copy()
    dark = looks[:, 2] * rng.lognormal(0, 0.08, len(looks))
    nuclei = np.zeros((size, size), dtype=np.float32)
    pink, pale = np.zeros_like(nuclei), np.zeros_like(nuclei)
    _stamp(nuclei, ellipses, dark, softness=0.35)
    ellipses[:, 2:4] *= _CYTOPLASM
    for raster, weight in ((pink, looks[:, 3]), (pale, -looks[:, 3])):
        shown = weight > 0
        _stamp(raster, ellipses[shown], weight[shown], softness=0.6)
    return nuclei, pink - pale


def _place_types(
    cells: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Tile and type of every cell; types in random order within a tile."""
    flat = cells.reshape(-1, cells.shape[-1])
    tile = np.repeat(np.arange(len(flat)), flat.sum(axis=1))
    kind = np.repeat(np.tile(np.arange(flat.shape[1]), len(flat)), flat.ravel())
    return tile, kind[np.lexsort((rng.random(len(kind)), tile))]


def _place_cells(
    tile: np.ndarray,
    side: int,
    tile_px: float,
    microns_per_pixel: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Centres x, y in image pixels of cells given their (sorted) tile."""
    first = np.searchsorted(tile, tile)
    order = np.arange(len(tile)) - first
    # Evenly filling (Roberts' R2 sequence, shifted per tile): cells seldom overlap,
    # so the stained area of a tile tells how many of each type it holds.
    shift = rng.random((side * side, 2))[tile]
    place = (shift + order[:, None] * np.array([0.7548777, 0.5698403])) % 1.0
    place += rng.normal(0, 3.5 / (microns_per_pixel * tile_px), place.shape)
    row, column = np.divmod(tile, side)
    x = (column + place[:, 0] - 0.5) * tile_px
    y = (row + place[:, 1] - 0.5) * tile_px
    return x, y


def _stamp(
    raster: np.ndarray, ellipses: np.ndarray, weight: np.ndarray, softness: float
) -> None:
    """Draw ellipses (x, y, half long, half short axis, angle) in place, by maximum.

    Weight is full inside and falls to 0 over the outer ``softness`` of the radius.
    """
    if not len(ellipses):
        return
    half = int(np.ceil(ellipses[:, 2].max())) + 1
    offsets = np.arange(-half, half + 1)
    dy, dx = (part.ravel() for part in np.meshgrid(offsets, offsets, indexing="ij"))
    chunk = max(1, _STAMPS // len(dx))
    for start in range(0, len(ellipses), chunk):
        x, y, long, short, angle = ellipses[start : start + chunk].T[..., None]
        column, row = np.rint(x) + dx, np.rint(y) + dy
        cos, sin = np.cos(angle), np.sin(angle)
        u = ((column - x) * cos + (row - y) * sin) / long
        v = ((row - y) * cos - (column - x) * sin) / short
        cover = np.clip((1 + softness / 2 - np.hypot(u, v)) / softness, 0, 1)
        height, width = raster.shape
        seen = (cover > 0) & (column >= 0) & (column < width)
        seen &= (row >= 0) & (row < height)
        drawn = (cover * weight[start : start + chunk, None])[seen]
        at = row[seen].astype(np.int64) * width + column[seen].astype(np.int64)
        np.maximum.at(raster.reshape(-1), at, drawn.astype(np.float32))
