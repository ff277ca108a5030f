"""K folds of spatial blocks with a buffer around the test spots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from histobridge import contract, graphs
from histobridge.contract import ContractError
from histobridge.splits.base import KFoldSplitter, deal, whole
from histobridge.splits.shapes import SHAPES, auto_side, cells

if TYPE_CHECKING:
    from anndata import AnnData


class SpatialBlockKFold(KFoldSplitter):
    """K folds of spatial blocks; training spots near a test spot are dropped.

    Blocks are laid per section and dealt to the folds so that folds are of like
    size. A training spot of the same section nearer than the buffer to any test
    spot is left out of both sides (Roberts et al. 2017, Ecography 40:913).

    Parameters
    ----------
    n_splits
        Folds, at least 2.
    block_microns
        Side of a block in microns (of a hexagon: across flats); default five
        pitches, and at least the default buffer: around smaller blocks nothing is
        left to train on. ``"auto"``: 1.5 times the variogram range of residuals and
        at least the default (Roberts et al. 2017: blocks larger than the
        autocorrelation).
    buffer_microns
        Default ``patch_microns`` + the largest pitch of a section, and at least the
        diagonal of a patch, so that no patch is shared.
    patch_microns
        Side of the patches in use; default the largest recorded by
        ``add_morphology``, else 200.
    seed
        Of the dealing.
    shape
        ``rect`` (squares), ``hex`` or ``kmeans`` (as many clusters of spots as
        there would be squares).
    balance_by
        ``obs`` column whose classes are spread evenly over the folds.
    residuals
        ``obsm`` matrix that ``block_microns="auto"`` takes its range from, the
        residuals of the model in use; default those of the section mean of log1p
        CP10k of the 50 most variable genes.
    """

    def __init__(
        self,
        n_splits: int = 5,
        *,
        block_microns: float | Literal["auto"] | None = None,
        buffer_microns: float | None = None,
        patch_microns: float | None = None,
        seed: int = 0,
        shape: Literal["rect", "hex", "kmeans"] = "rect",
        balance_by: str | None = None,
        residuals: str | None = None,
    ):
        if shape not in SHAPES:
            raise ContractError("a shape of blocks", repr(shape), SHAPES)
        if isinstance(block_microns, str) and block_microns != "auto":
            raise ContractError(
                'block_microns in microns or "auto"', repr(block_microns)
            )
        self.n_splits = whole(n_splits, 2, "n_splits")
        self.block_microns = block_microns
        self.buffer_microns = buffer_microns
        self.patch_microns = patch_microns
        self.seed = seed
        self.shape = shape
        self.balance_by = balance_by
        self.residuals = residuals

    def blocks(self, adata: AnnData) -> np.ndarray:
        """Block of every spot, numbered over all sections."""
        points = graphs.positions_microns(adata)
        wanted = self.block_microns
        least = self.buffer(adata) if self.buffer_microns is None else 0.0
        if wanted == "auto":
            wanted = max(auto_side(adata, self.residuals), least)
        blocks = np.empty(adata.n_obs, dtype=int)
        start = 0
        for spots in contract.sections(adata).values():
            side = wanted or max(5 * graphs.pitch(points[spots]), least)
            inside = points[spots] - points[spots].min(axis=0)
            code = cells(inside, side, self.shape, self.seed)
            blocks[spots] = start + code
            start += int(code.max()) + 1
        return blocks

    def folds(self, adata: AnnData) -> np.ndarray:
        """Fold of every spot, 0 to ``n_splits - 1``."""
        blocks = self.blocks(adata)
        classes = self._classes(adata)
        # Squares, as loads are: rare classes are spread as evenly as common ones.
        scale = 1.0 / classes.sum(axis=0).astype(float) ** 2
        rng = np.random.default_rng(self.seed)
        folds = np.empty(adata.n_obs, dtype=int)
        load = np.zeros((self.n_splits, classes.shape[1]))
        total = np.zeros(self.n_splits)
        for spots in contract.sections(adata).values():
            _, block = np.unique(blocks[spots], return_inverse=True)
            counts = np.zeros((block.max() + 1, classes.shape[1]))
            np.add.at(counts, block, classes[spots])
            # Classes are even over all sections, sizes within every section.
            mine = load if self.balance_by else np.zeros_like(load)
            folds[spots] = deal(counts, rng, mine, total, scale)[block]
        return folds

    def name_of(self, adata: AnnData, index: int, test: np.ndarray) -> str:
        """``block fold`` and its number."""
        return f"block fold {index + 1}"

    def _classes(self, adata: AnnData) -> np.ndarray:
        """Class of every spot as indicators (n, classes); one class without any."""
        if self.balance_by is None:
            return np.ones((adata.n_obs, 1), dtype=int)
        column = contract.obs_column(adata, self.balance_by, "classes to balance")
        return pd.get_dummies(column.astype(str)).to_numpy(dtype=int)

    def facts_of(
        self, adata: AnnData, train: np.ndarray, test: np.ndarray
    ) -> dict[str, float]:
        """``class_distance``: half the L1 distance of class shares, train to test."""
        if self.balance_by is None:
            return {}
        classes = self._classes(adata)
        apart = classes[train].mean(axis=0) - classes[test].mean(axis=0)
        return {"class_distance": float(np.abs(apart).sum() / 2)}
