"""What stands in for pixels that are removed."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy import ndimage
from scipy.sparse.linalg import spsolve

NOISE = 0.01
"""Standard deviation of the noise of ROAD, as a share of the pixel range."""

DIRECT, DIAGONAL = 1 / 6, 1 / 12
COARSE = 48
"""Pixels of a side at which the equations are solved: what they give is smooth."""


def blank(patches: np.ndarray) -> np.ndarray:
    """Mean colour of all patches (n, side, side, 3), as one patch each, uint8."""
    colour = np.round(patches.mean(axis=(0, 1, 2))).astype(np.uint8)
    return np.broadcast_to(colour, patches.shape)


def road(patch: np.ndarray, removed: np.ndarray, seed: int = 0) -> np.ndarray:
    """Noisy linear imputation (Rong et al. 2022, ICML: ROAD).

    Every removed pixel is the weighted mean of its neighbours, direct ones twice as
    heavy as diagonal ones, plus a little noise: what was there can not be read off
    the outline of what is missing.

    Parameters
    ----------
    patch
        uint8 (side, side, 3).
    removed
        bool (side, side), not all of it.
    """
    if not removed.any():
        return patch
    side = len(patch)
    step = -(-side // COARSE)
    colours, unknown = _coarse(patch, removed, step)
    if unknown.any():
        colours[unknown] = _solved(colours, unknown)
    whole = colours
    if step > 1:
        zoom = (step, step, 1)
        whole = ndimage.zoom(colours, zoom, order=1, grid_mode=True, mode="nearest")
    filled = whole[:side, :side][removed]
    filled = filled + np.random.default_rng(seed).normal(0, 255 * NOISE, filled.shape)
    out = patch.copy()
    out[removed] = np.clip(np.round(filled), 0, 255).astype(np.uint8)
    return out


def _coarse(
    patch: np.ndarray, removed: np.ndarray, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean colour of what is left in every block, and where nothing is left."""
    pad = -len(patch) % step
    colours = np.pad(patch.astype(float), ((0, pad), (0, pad), (0, 0)))
    left = np.pad((~removed).astype(float), ((0, pad), (0, pad)))
    across = len(left) // step

    def blocks(values: np.ndarray) -> np.ndarray:
        return values.reshape(across, step, across, step, -1).sum(axis=(1, 3))

    count = blocks(left)
    return blocks(colours * left[..., None]) / np.maximum(count, 1), count[..., 0] == 0


def _solved(colours: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Colours (m, 3) of unknown pixels as weighted means of their neighbours."""
    height, width = unknown.shape
    place = np.full((height + 2, width + 2), -1)
    place[1:-1, 1:-1][unknown] = np.arange(unknown.sum())
    known = np.pad(colours, ((1, 1), (1, 1), (0, 0)))
    inside = np.pad(np.ones_like(unknown), 1)
    row, column = np.nonzero(unknown)
    own = np.arange(len(row))
    total, right, entries = np.zeros(len(own)), np.zeros((len(own), 3)), []
    for dy, dx in ((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x):
        weight = DIRECT if dy == 0 or dx == 0 else DIAGONAL
        at = (row + 1 + dy, column + 1 + dx)
        total += weight * inside[at]
        there = place[at]
        seen = inside[at] & (there < 0)
        right[seen] += weight * known[at][seen]
        linked = there >= 0
        entries.append((own[linked], there[linked], np.full(linked.sum(), -weight)))
    entries.append((own, own, total))
    rows, columns, values = (np.concatenate(e) for e in zip(*entries, strict=True))
    matrix = sp.csc_matrix((values, (rows, columns)), shape=(len(own), len(own)))
    return spsolve(matrix, right).reshape(-1, 3)
