"""What stands in for pixels that are removed."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

NOISE = 0.01
"""Standard deviation of the noise of ROAD, as a share of the pixel range."""

DIRECT, DIAGONAL = 1 / 6, 1 / 12


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
        bool (side, side).
    """
    if removed.all() or not removed.any():
        return patch if not removed.any() else blank(patch[None])[0].copy()
    height, width = removed.shape
    place = np.full((height + 2, width + 2), -1)
    inner = place[1:-1, 1:-1]
    inner[removed] = np.arange(removed.sum())
    known = np.pad(patch.astype(float), ((1, 1), (1, 1), (0, 0)))
    inside = np.pad(np.ones_like(removed), 1)
    row, column = np.nonzero(removed)
    own = place[row + 1, column + 1]
    total, right, entries = np.zeros(len(own)), np.zeros((len(own), 3)), []
    for dy, dx in ((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x):
        weight = DIRECT if dy == 0 or dx == 0 else DIAGONAL
        at = (row + 1 + dy, column + 1 + dx)
        total += weight * inside[at]
        there = place[at]
        seen = inside[at] & (there < 0)
        right[seen] += weight * known[at][seen]
        entries.append((own[there >= 0], there[there >= 0], weight))
    rows = np.concatenate([e[0] for e in entries])
    columns = np.concatenate([e[1] for e in entries])
    values = np.concatenate([np.full(len(e[0]), -e[2]) for e in entries])
    matrix = sp.csc_matrix((values, (rows, columns)), shape=(len(own), len(own)))
    filled = spsolve(matrix + sp.diags(total, format="csc"), right)
    rng = np.random.default_rng(seed)
    out = patch.copy()
    noisy = filled.reshape(-1, 3) + rng.normal(0, 255 * NOISE, (len(own), 3))
    out[removed] = np.clip(np.round(noisy), 0, 255).astype(np.uint8)
    return out
