"""Correlation that falls off exponentially with distance, plus a nugget.

``corr(d) = (1 - nugget) * exp(-d / scale)`` for ``d > 0`` and 1 at 0, as
``corExp(nugget = TRUE)`` of R's nlme. Spots of different sections are independent.
Either class turns values into independent ones of unit variance ("whitening").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import scipy.sparse as sp

_CHUNK = 4096

Whitener = Callable[[np.ndarray], Iterator[tuple[np.ndarray, float]]]


class ExactField:
    """Exact whitening from one eigendecomposition per section and scale.

    Parameters
    ----------
    points
        (n, 2) positions.
    sections
        (n,) section of each point; a section's distances are held densely, so this
        is for a few thousand points.
    """

    def __init__(self, points: np.ndarray, sections: np.ndarray):
        from scipy.spatial.distance import cdist

        self.parts = [np.flatnonzero(sections == s) for s in np.unique(sections)]
        self.distances = [cdist(points[part], points[part]) for part in self.parts]

    def whitener(self, scale: float, nuggets: Sequence[float]) -> Whitener:
        """Whiten values (n, m) for every nugget, with the log determinant."""
        spectra, rotations = [], []
        for distance in self.distances:
            spectrum, vectors = np.linalg.eigh(np.exp(-distance / scale))
            spectra.append(np.maximum(spectrum, 0))
            rotations.append(vectors.T)

        def whiten(values: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
            turned = zip(rotations, self.parts, strict=True)
            rotated = np.concatenate([turn @ values[part] for turn, part in turned])
            for nugget in nuggets:
                variance = (1 - nugget) * np.concatenate(spectra) + nugget
                log_determinant = float(np.log(variance).sum())
                yield rotated / np.sqrt(variance)[:, None], log_determinant

        return whiten


class VecchiaField:
    """Sparse whitening: a point depends on its nearest points earlier in the order.

    Vecchia 1988, JRSS B 50:297, with the random order of Guinness 2018,
    Technometrics 60:415; time and memory grow linearly with the number of points.
    """

    def __init__(
        self, points: np.ndarray, sections: np.ndarray, neighbours: int, seed: int
    ):
        order = np.random.default_rng(seed).permutation(len(points))
        self.parents = np.full((len(points), neighbours), -1)
        for section in np.unique(sections):
            part = order[sections[order] == section]
            found = earlier_neighbours(points[part], neighbours)
            self.parents[part] = np.where(found >= 0, part[found], -1)
        self.points = points

    def whitener(self, scale: float, nuggets: Sequence[float]) -> Whitener:
        """Whiten values (n, m) for every nugget, with the log determinant."""
        roots = [self._inverse_root(scale, nugget) for nugget in nuggets]

        def whiten(values: np.ndarray) -> Iterator[tuple[np.ndarray, float]]:
            for root, log_determinant in roots:
                yield root @ values, log_determinant

        return whiten

    def _inverse_root(self, scale: float, nugget: float) -> tuple[sp.csr_matrix, float]:
        n, m = self.parents.shape
        weights, variance = np.empty((n, m)), np.empty(n)
        for start in range(0, n, _CHUNK):
            rows = slice(start, start + _CHUNK)
            weights[rows], variance[rows] = self._regress(rows, scale, nugget)
        present = self.parents >= 0
        spread = 1 / np.sqrt(variance)
        row = np.repeat(np.arange(n), m).reshape(n, m)
        entries = (-weights * spread[:, None])[present]
        below = sp.csr_matrix((entries, (row[present], self.parents[present])), (n, n))
        return (below + sp.diags(spread)).tocsr(), float(np.log(variance).sum())

    def _regress(
        self, rows: slice, scale: float, nugget: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weights (rows, m) on earlier points and the variance they leave."""
        absent = self.parents[rows] < 0
        near = self.points[self.parents[rows]]
        own = np.linalg.norm(near - self.points[rows][:, None], axis=2)
        between = np.linalg.norm(near[:, :, None] - near[:, None], axis=3)
        cross = np.where(absent, 0.0, (1 - nugget) * np.exp(-own / scale))
        inner = (1 - nugget) * np.exp(-between / scale)
        inner[absent[:, :, None] | absent[:, None]] = 0.0
        diagonal = np.arange(near.shape[1])
        inner[:, diagonal, diagonal] = 1.0
        weights = np.linalg.solve(inner, cross[..., None])[..., 0]
        return weights, np.maximum(1 - (weights * cross).sum(axis=1), 1e-10)


def earlier_neighbours(points: np.ndarray, k: int) -> np.ndarray:
    """Up to ``k`` nearest among the earlier points of each point (n, k), else -1."""
    from scipy.spatial import cKDTree

    n = len(points)
    found = np.full((n, k), -1)
    start = 0
    while start < n:
        # At least half of the points up to `stop` are earlier than `start`.
        stop = min(n, max(2 * start, 4 * k))
        tree = cKDTree(points[:stop])
        for i in range(start, stop, _CHUNK):
            rows = np.arange(i, min(i + _CHUNK, stop))
            _, near = tree.query(points[rows], min(stop, 6 * k))
            near = near.reshape(len(rows), -1)
            later = near >= rows[:, None]
            first = np.argsort(later, axis=1, kind="stable")[:, :k]
            chosen = np.take_along_axis(np.where(later, -1, near), first, axis=1)
            found[rows, : chosen.shape[1]] = chosen
        start = stop
    return found
