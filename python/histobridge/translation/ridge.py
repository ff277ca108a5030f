"""Ridge regression on weighted views, one per kind of image feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.images.features import (
    feature_names,
    morphology_columns,
    same_features,
    spot_features,
)
from histobridge.translation.components import (
    ComponentTranslator,
    shared_expression,
    wide_axes,
)
from histobridge.translation.penalty import RidgePath, choose_penalty
from histobridge.translation.rows import taken

if TYPE_CHECKING:
    from anndata import AnnData

# Above some thirty times the mean square of a spot only the overall level is left.
ALPHAS = tuple(10.0 ** np.arange(-2, 1.6, 0.25))


@dataclass(frozen=True)
class View:
    """The features of one encoder, their context and their weight.

    Attributes
    ----------
    encoder
        Name recorded by ``add_morphology``; ``*`` is every other encoder.
    neighbours
        Means over so many nearest spots stand beside the spot's own features.
    weight
        Share in the squared length of a spot; the weights of the views that are
        there are scaled to sum 1, so that a wide encoder has no more say.
    """

    encoder: str
    neighbours: tuple[int, ...] = (1, 9)
    weight: float = 1.0


class ViewRidge(ComponentTranslator):
    """Ridge regression of all genes at once on standardised, weighted views.

    The penalty is chosen by mean per-gene Pearson over inner folds (patients, else
    sections, else blocks).

    Parameters
    ----------
    views
        One whose encoder is absent is left out.
    besides
        Encoders that ``*`` leaves out although no view names them.
    alphas
        Penalties tried, in units of the mean squared length of a spot.
    components
        More genes than this are predicted by so many leading components of their
        expression, which is what genes share; a fit then costs little more for all
        genes than for some.
    by_depth
        Weigh spots by depth: what a shallow spot shows of composition is mostly
        counting noise. Half of the full weight at the median depth.
    key
        ``obsm`` entry of the features.
    seed
        Of inner folds.
    """

    def __init__(
        self,
        views: Sequence[View],
        *,
        besides: Sequence[str] = (),
        alphas: Sequence[float] = ALPHAS,
        components: int = 20,
        by_depth: bool = False,
        key: str = keys.MORPHOLOGY,
        seed: int = 0,
    ):
        self.views = tuple(views)
        self.besides = tuple(besides)
        self.alphas = tuple(alphas)
        self.components = components
        self.by_depth = by_depth
        self.key = key
        self.seed = seed

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        self.columns_ = feature_names(adata, self.key)
        self.axes_ = [
            wide_axes(adata, spots, columns, self.key)
            for _, columns in self._present(adata)
        ]
        blocks, self.scales_ = self._blocks(adata, spots), []
        for x, (view, _) in zip(blocks, self._present(adata), strict=True):
            length = max(float((x**2).sum() / len(x)), 1e-12)
            self.scales_.append(float(np.sqrt(view.weight / length)))
            x *= self.scales_[-1]
        x = np.concatenate(blocks, axis=1)
        weights = _depth_weights(adata, spots) if self.by_depth else None
        self.alpha_ = choose_penalty(
            adata,
            spots,
            target,
            self.alphas,
            lambda _: x.__getitem__,
            self.seed,
            weights,
        )
        shared = shared_expression(target, self.components)
        self.gene_axes_, self.mean_ = shared.axes, shared.mean
        path = RidgePath(x, shared.scores, weights)
        self.centre_, self.intercept_ = path.centre, path.intercept
        self.coefficients_ = path.coefficients(self.alpha_)
        self.settings_ |= {
            "alpha": float(self.alpha_),
            "views": [view.encoder for view, _ in self._present(adata)],
        }

    def scores(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        """Components (n_spots, count) of the expression predicted for ``spots``."""
        same_features(self.columns_, feature_names(adata, self.key))
        scaled = zip(self._blocks(adata, spots), self.scales_, strict=True)
        x = np.concatenate([x * scale for x, scale in scaled], axis=1)
        return (x - self.centre_) @ self.coefficients_ + self.intercept_

    def _blocks(self, adata: AnnData, spots: np.ndarray) -> list[np.ndarray]:
        """Features (n_spots, d) of every view with their context."""
        return [
            spot_features(adata, columns, view.neighbours, self.key, axes)[spots]
            for (view, columns), axes in zip(
                self._present(adata), self.axes_, strict=True
            )
        ]

    def sees(self, columns: dict[str, np.ndarray]) -> bool:
        """Whether one of these encoders is in a view."""
        named = {view.encoder for view in self.views}
        others = set(columns) - named - set(self.besides)
        return bool(named & set(columns)) or ("*" in named and bool(others))

    def _present(self, adata: AnnData) -> list[tuple[View, np.ndarray]]:
        """Views that are there, weights summing to 1, with their columns."""
        columns = morphology_columns(adata, self.key)
        named = {view.encoder for view in self.views} | set(self.besides)
        found = []
        for view in self.views:
            if view.encoder == "*":
                rest = [c for name, c in columns.items() if name not in named]
                if rest:
                    found.append((view, np.concatenate(rest)))
            elif view.encoder in columns:
                found.append((view, columns[view.encoder]))
        if not found:
            raise ContractError(
                f"image features of {sorted(v.encoder for v in self.views)}",
                "none",
                columns,
            )
        total = sum(view.weight for view, _ in found)
        return [(replace(view, weight=view.weight / total), c) for view, c in found]


def _depth_weights(adata: AnnData, spots: np.ndarray) -> np.ndarray:
    counts = taken(contract.counts(adata), spots)
    depth = np.asarray(counts.sum(axis=1), dtype=float).ravel()
    return depth / (depth + np.median(depth))
