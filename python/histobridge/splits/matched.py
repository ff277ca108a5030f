"""Splitters that hold out single spots, or folds as far away as new places are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import wasserstein_distance

from histobridge import contract, graphs
from histobridge.contract import ContractError
from histobridge.splits.base import (
    KFoldSplitter,
    Splitter,
    deal,
    distance_to,
    whole,
)

if TYPE_CHECKING:
    from anndata import AnnData


class BufferedLeaveOneOut(Splitter):
    """Test one spot after the other; its surroundings are left out of training.

    Parameters
    ----------
    n_tests
        How many spots (at least 1), drawn at random; default all.
    buffer_microns, patch_microns
        As in :class:`SpatialBlockKFold`.
    seed
        Of the drawing.
    """

    def __init__(
        self,
        n_tests: int | None = None,
        *,
        buffer_microns: float | None = None,
        patch_microns: float | None = None,
        seed: int = 0,
    ):
        self.n_tests = None if n_tests is None else whole(n_tests, 1, "n_tests")
        self.buffer_microns = buffer_microns
        self.patch_microns = patch_microns
        self.seed = seed

    def get_n_splits(
        self, adata: AnnData | None = None, y: None = None, groups: None = None
    ) -> int:
        """Return the number of test spots."""
        if adata is None:
            raise ContractError("the data: one split per spot", "None")
        return min(self.n_tests or adata.n_obs, adata.n_obs)

    def test_sets(self, adata: AnnData) -> Iterator[np.ndarray]:
        """Yield one spot after the other."""
        rng = np.random.default_rng(self.seed)
        count = self.get_n_splits(adata)
        for spot in np.sort(rng.permutation(adata.n_obs)[:count]):
            yield np.array([spot])

    def name_of(self, adata: AnnData, index: int, test: np.ndarray) -> str:
        """``test`` and the spot."""
        return f"test {adata.obs_names[test[0]]}"


class KNNDM(KFoldSplitter):
    """K folds whose test spots are as far from training as new places are.

    Spots of a section are clustered into ever more clusters, clusters are dealt to
    the folds, and that number is kept whose distances from test to training spots
    are nearest, in Wasserstein distance, to those from the places of prediction to
    the spots (Linnenbrink et al. 2024, Geosci Model Dev 17:5897).

    Parameters
    ----------
    n_splits
        Folds, at least 2.
    predict_microns
        Where the model will be used: section -> (m, 2) positions in microns. Default
        a grid of half the pitch over each section: the gaps between its spots.
    seed
        Of the clusters.

    Notes
    -----
    There is no buffer: distances are matched, not enlarged. Where the model will
    meet new sections nothing in a section is far enough; leave sections out.
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        predict_microns: dict[str, np.ndarray] | None = None,
        seed: int = 0,
    ):
        self.n_splits = whole(n_splits, 2, "n_splits")
        self.predict_microns = predict_microns
        self.seed = seed

    def folds(self, adata: AnnData) -> np.ndarray:
        """Fold of every spot, 0 to ``n_splits - 1``.

        Raises
        ------
        ContractError
            When a section has fewer spots than folds, or no place of prediction.
        """
        points = graphs.positions_microns(adata)
        folds = np.empty(adata.n_obs, dtype=int)
        for name, spots in contract.sections(adata).items():
            if len(spots) < self.n_splits:
                raise ContractError(
                    f"at least {self.n_splits} spots in a section",
                    f"{len(spots)} in {name!r}",
                )
            there = self._distances(name, points[spots])
            candidates = [
                _deal(points[spots], count, self.n_splits, self.seed)
                for count in _counts(self.n_splits, len(spots))
            ]
            apart = [wasserstein(points[spots], c, there) for c in candidates]
            folds[spots] = candidates[int(np.argmin(apart))]
        return folds

    def _distances(self, name: str, points: np.ndarray) -> np.ndarray:
        """Distance of each place of prediction to the nearest spot."""
        if self.predict_microns is None:
            places = _grid(points)
        elif name in self.predict_microns:
            places = np.asarray(self.predict_microns[name], dtype=float)
        else:
            raise ContractError(
                f"places of prediction in section {name!r}",
                "none",
                self.predict_microns,
            )
        return graphs.nearest(points, 1, places)[0][:, 0]

    def facts_of(
        self, adata: AnnData, train: np.ndarray, test: np.ndarray
    ) -> dict[str, float]:
        """``wasserstein_microns``: mean over sections, test distances to new places."""
        points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
        found = []
        for code, name in enumerate(contract.sections(adata)):
            mine = test[sections[test] == code]
            if len(mine):
                here = distance_to(points, sections, mine, train)
                there = self._distances(name, points[sections == code])
                found.append(wasserstein_distance(here, there))
        return {"wasserstein_microns": float(np.mean(found))}


def wasserstein(points: np.ndarray, folds: np.ndarray, there: np.ndarray) -> float:
    """Wasserstein distance of test-to-train distances to the distances ``there``."""
    here = np.empty(len(points))
    for fold in np.unique(folds):
        mine = folds == fold
        here[mine] = graphs.nearest(points[~mine], 1, points[mine])[0][:, 0]
    return float(wasserstein_distance(here, there))


def _counts(n_splits: int, n_spots: int) -> np.ndarray:
    """Numbers of clusters to try, from one per fold to one per spot."""
    return np.unique(np.geomspace(n_splits, n_spots, 12).round().astype(int))


def _deal(points: np.ndarray, count: int, n_splits: int, seed: int) -> np.ndarray:
    """Cluster spots and deal clusters, largest first, onto the emptiest fold."""
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(seed)
    if count >= len(points):
        # One cluster per spot is a random split.
        return rng.permutation(np.arange(len(points)) % n_splits)
    labels = KMeans(count, n_init=1, random_state=seed).fit_predict(points)
    counts = np.bincount(labels, minlength=count)[:, None]
    load, total = np.zeros((n_splits, 1)), np.zeros(n_splits)
    return deal(counts, rng, load, total)[labels]


def _grid(points: np.ndarray) -> np.ndarray:
    """Places within a pitch of a spot, on a grid of half the pitch."""
    step = graphs.pitch(points) / 2
    low, high = points.min(axis=0), points.max(axis=0)
    # A stretched section must not ask for a grid without end.
    step = max(step, float((high - low).max()) / 400)
    axes = [np.arange(a, b + step, step) for a, b in zip(low, high, strict=True)]
    places = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    near = graphs.nearest(points, 1, places)[0][:, 0] <= 2 * step
    return places[near]
