"""Spots of real reference cells in given proportions, for calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp

from histobridge.deconvolution.mixture import Mixture, dispersion
from histobridge.deconvolution.signatures import Signatures

CELLS = (2, 60)
"""Limits of the fewest cells of a spot."""
FEW, MANY = (0.5, 1.0), (4.0, 16.0)


def halves(
    signatures: Signatures, rng: np.random.Generator
) -> tuple[Signatures, Signatures]:
    """Signatures of two halves of the cells of every type.

    Of a type of one cell, that cell is on both sides.
    """
    first = np.zeros(len(signatures.codes), dtype=bool)
    second = np.zeros_like(first)
    for code in np.unique(signatures.codes):
        mine = rng.permutation(np.flatnonzero(signatures.codes == code))
        middle = (len(mine) + 1) // 2
        first[mine[:middle]] = True
        second[mine[middle:] if len(mine) > 1 else mine] = True
    return _of(signatures, first), _of(signatures, second)


def _of(signatures: Signatures, chosen: np.ndarray) -> Signatures:
    """Signatures of some of the cells; a silent type keeps its profile."""
    part = replace(
        signatures,
        cells=signatures.cells[chosen],
        codes=signatures.codes[chosen],
        depth=signatures.depth[chosen],
        donors=signatures.donors[chosen],
    )
    pooled = (part.members() @ part.cells).toarray().T
    total = pooled.sum(axis=0)
    profiles = np.where(
        total > 0, pooled / np.maximum(total, 1e-12), signatures.profiles
    )
    sizes = np.bincount(part.codes, part.depth) / np.bincount(part.codes)
    return replace(part, profiles=profiles, sizes=sizes / sizes.mean())


def cell_dispersion(signatures: Signatures) -> float:
    """How far cells scatter about the profile of their type, beyond counting."""
    amounts = np.eye(len(signatures.types))[signatures.codes]
    shown = np.asarray(signatures.cells.sum(axis=1)).ravel()
    full = shown > 0
    cells = Mixture.of(signatures.cells[full], signatures.profiles, 0.0)
    factor = np.ones(len(signatures.genes))
    return dispersion(cells, amounts[full], factor)[0]


class Recipe:
    """How spots are made that are like the observed ones.

    How many cells a spot holds is not known, only the fewest: spots of fewer would
    scatter more than the observed ones do. So even spots get about that number, odd
    spots many times as many, and what scatter their cells lack as Gamma noise. With
    few cells shares are coarse and sizes of cells matter; with many, small shares
    are seldom zero.

    Parameters
    ----------
    signatures
        The cells that are mixed.
    factor
        Platform factors (n_genes,).
    cells
        Truth are shares of cells, not of RNA.
    scatter
        Dispersion of the observed spots.
    """

    def __init__(
        self,
        signatures: Signatures,
        factor: np.ndarray,
        cells: bool,
        scatter: float,
        rng: np.random.Generator,
    ):
        self.signatures, self.factor, self.cells = signatures, factor, cells
        self.scatter, self.rng = scatter, rng
        self.of_cells = cell_dispersion(signatures)

    def spots(
        self, shares: np.ndarray, depth: np.ndarray, cells: np.ndarray | None = None
    ) -> tuple[sp.csr_matrix, np.ndarray]:
        """Counts (n, n_genes) and realised shares (n, n_types).

        Parameters
        ----------
        shares
            (n, n_types) composition.
        depth
            (n,) counts to thin to.
        cells
            (n,) of every spot, where known.
        """
        n, k = shares.shape
        source, rng = self.signatures, self.rng
        size = self.sizes(n) if cells is None else np.maximum(cells, 1).astype(int)
        spot = np.repeat(np.arange(n), size)
        kind = nearest_cells(shares, size, spot, rng)
        chosen = np.empty(len(spot), dtype=int)
        for code in np.unique(kind):
            mine = kind == code
            pool = np.flatnonzero(source.codes == code)
            chosen[mine] = rng.choice(pool, mine.sum())
        weight = np.ones(len(spot)) if self.cells else source.depth[chosen]
        truth = sp.csr_matrix((weight, (spot, kind)), (n, k)).toarray()
        member = sp.csr_matrix(
            (np.ones(len(spot)), (spot, np.arange(len(spot)))), (n, len(spot))
        )
        mean = (member @ source.cells[chosen]).multiply(self.factor).tocsr()
        noise = np.maximum(self.scatter - self.of_cells / size, 1e-6)
        return self._measured(mean, depth, noise), truth / truth.sum(1, keepdims=True)

    def sizes(self, n: int) -> np.ndarray:
        """Cells (n,) of every spot."""
        fewest = np.clip(self.of_cells / max(self.scatter, 1e-6), *CELLS)
        bounds = np.log((FEW, MANY))
        few, many = (np.exp(self.rng.uniform(low, high, n)) for low, high in bounds)
        times = np.where(np.arange(n) % 2, many, few)
        return np.maximum(np.round(fewest * times), 1).astype(int)

    def _measured(
        self, mean: sp.csr_matrix, depth: np.ndarray, noise: np.ndarray
    ) -> sp.csr_matrix:
        """Whole counts (n, n_genes) of about the given depth."""
        total = np.maximum(np.asarray(mean.sum(axis=1)).ravel(), 1.0)
        row = np.repeat(np.arange(len(total)), np.diff(mean.indptr))
        mean.data *= self.rng.gamma(1 / noise[row], noise[row])
        whole = np.floor(mean.data + self.rng.random(mean.nnz)).astype(int)
        keep = np.minimum(depth / total, 1.0)[row]
        mean.data = self.rng.binomial(whole, keep).astype(float)
        return mean


def nearest_cells(
    shares: np.ndarray, size: np.ndarray, spot: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Type of every cell, so that whole cells are as near to shares as can be.

    Systematic sampling: a type of share ``p`` among ``m`` cells gets ``m p`` of
    them, rounded up or down at random.
    """
    order = np.arange(len(spot)) - np.repeat(np.cumsum(size) - size, size)
    place = (order + np.repeat(rng.random(len(size)), size)) / np.repeat(size, size)
    edge = np.cumsum(shares, axis=1) / shares.sum(axis=1, keepdims=True)
    kind = (place[:, None] > edge[spot]).sum(axis=1)
    return kind.clip(max=shares.shape[1] - 1)
