"""How a section is cut into blocks, and how large they must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract, graphs
from histobridge.contract import ContractError
from histobridge.normalisation import log_normalise, variable_genes
from histobridge.splits.variogram import variogram_range

if TYPE_CHECKING:
    from anndata import AnnData

SHAPES = ("rect", "hex", "kmeans")


def cells(inside: np.ndarray, side: float, shape: str, seed: int) -> np.ndarray:
    """Block (n,) of the spots of one section, numbered from 0.

    Parameters
    ----------
    inside
        (n, 2) positions, the least of each axis 0.
    side
        Of a square, or of a hexagon across flats.
    """
    if shape == "hex":
        return _hexagons(inside, side)
    squares = _squares(inside, side)
    if shape == "rect":
        return squares
    from sklearn.cluster import KMeans

    count = int(squares.max()) + 1
    labels = KMeans(count, n_init=4, random_state=seed).fit_predict(inside)
    # Coinciding spots can leave a cluster empty; numbers must have no gap.
    return np.unique(labels, return_inverse=True)[1]


def _squares(inside: np.ndarray, side: float) -> np.ndarray:
    # Centring the lattice keeps slivers off one edge of the tissue.
    extent = inside.max(axis=0)
    count = np.maximum(np.ceil(extent / side - 1e-9), 1)
    cell = np.floor((inside + (count * side - extent) / 2) / side)
    cell = np.clip(cell, 0, count - 1).astype(int)
    return np.unique(cell[:, 0] * 100_000 + cell[:, 1], return_inverse=True)[1]


def _hexagons(inside: np.ndarray, side: float) -> np.ndarray:
    centred = (inside - inside.max(axis=0) / 2) / side
    # Centres of hexagons are two rectangular lattices, one in the gaps of the other.
    step = np.array([1.0, np.sqrt(3)])
    even = np.round(centred / step)
    odd = np.floor(centred / step) + 0.5
    nearer = ((centred - odd * step) ** 2).sum(axis=1) < (
        (centred - even * step) ** 2
    ).sum(axis=1)
    centre = np.where(nearer[:, None], odd, even)
    halves = np.round(2 * centre).astype(int)
    return np.unique(halves, axis=0, return_inverse=True)[1].ravel()


def auto_side(adata: AnnData, residuals: str | None) -> float:
    """1.5 times the variogram range of residuals, at least five pitches, in microns.

    Raises
    ------
    ContractError
        When ``obsm`` has no such residuals; without counts where none are named.
    """
    points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
    if residuals is None:
        normal = log_normalise(contract.counts(adata))
        values = normal[:, variable_genes(normal, 50)].toarray()
    elif residuals in adata.obsm:
        values = np.asarray(adata.obsm[residuals], dtype=float)
    else:
        raise ContractError(
            f"residuals in obsm[{residuals!r}]", "none", adata.obsm.keys()
        )
    pitches = [graphs.pitch(points[sections == s]) for s in np.unique(sections)]
    return max(1.5 * variogram_range(points, values, sections), 5 * max(pitches))
