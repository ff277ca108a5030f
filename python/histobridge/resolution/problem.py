"""What every resolution system is given: spots, finer points and who holds whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from histobridge import graphs
from histobridge.contract import ContractError


@dataclass(frozen=True)
class Problem:
    """One section, its spots and the points of the finer grid; positions in microns.

    A system answers with the expected counts of every point, (n_points, n_genes).

    Attributes
    ----------
    counts : (n_spots, n_genes)
        Raw counts, CSR.
    spots : (n_spots, 2)
    points : (n_points, 2)
    member : (n_spots, n_points)
        CSR of ones: the points inside a spot. Every spot holds at least one; a
        point between spots is in none.
    features : (n_points, d) or None
        Image features, standardised within the section.
    columns : tuple of str
        Their names.
    """

    counts: sp.csr_matrix
    spots: np.ndarray
    points: np.ndarray
    member: sp.csr_matrix
    features: np.ndarray | None = None
    columns: tuple[str, ...] = ()

    @property
    def held(self) -> np.ndarray:
        """Points inside each spot (n_spots,)."""
        return np.asarray(self.member.sum(axis=1)).ravel()

    @property
    def pitch(self) -> float:
        """Distance between neighbouring spots."""
        return graphs.pitch(self.spots)

    @property
    def pixel(self) -> float:
        """Distance between neighbouring points."""
        return graphs.pitch(self.points)

    def spot_mean(self, values: np.ndarray) -> np.ndarray:
        """Mean of ``values`` (n_points, d) over the points of each spot."""
        return np.asarray(self.member @ values) / self.held[:, None]

    def density(self) -> np.ndarray:
        """Counts per point of each spot (n_spots, n_genes), as if spread evenly."""
        return self.counts.toarray() / self.held[:, None]

    def nearest_spot(self) -> np.ndarray:
        """Spot of nearest centre of every point (n_points,)."""
        return graphs.nearest(self.spots, 1, self.points)[1][:, 0]

    def image(self) -> np.ndarray:
        """Image features, refused where there are none.

        Raises
        ------
        ContractError
            When the section has no image.
        """
        if self.features is None:
            raise ContractError("an image of the section", "none")
        return self.features

    def colour(self) -> np.ndarray:
        """Red, green and blue (n_points, 3) of the smallest patch around a point.

        Raises
        ------
        ContractError
            When there is no image, or the encoder ``colour`` was not used.
        """
        features = self.image()
        names = ("red_mean", "green_mean", "blue_mean")
        found = [
            next((i for i, c in enumerate(self.columns) if c.startswith(name)), -1)
            for name in names
        ]
        if min(found) < 0:
            raise ContractError("features of encoder 'colour'", "none", self.columns)
        return features[:, found]


def conserve(values: np.ndarray, problem: Problem) -> np.ndarray:
    """Scale the points of every spot so that each gene sums to the spot's counts.

    Where a system expects nothing of a gene that was counted, the counts are spread
    evenly. Points between spots stay as they are.
    """
    values = np.maximum(np.nan_to_num(values, nan=0.0, posinf=0.0), 0.0)
    expected = np.asarray(problem.member @ values)
    counted = problem.counts.toarray()
    lost = (expected <= 1e-12) & (counted > 0)
    factor = np.where(lost, 0.0, counted / np.where(expected > 1e-12, expected, 1.0))
    spread = np.where(lost, counted / problem.held[:, None], 0.0)
    inside = np.flatnonzero(np.asarray(problem.member.sum(axis=0)).ravel())
    own = problem.member[:, inside].tocsc().indices
    values[inside] = values[inside] * factor[own] + spread[own]
    return values
