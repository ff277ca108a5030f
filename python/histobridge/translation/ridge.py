"""Ridge regression on weighted views, one per kind of image feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from histobridge import keys
from histobridge.contract import ContractError
from histobridge.images.features import (
    feature_names,
    morphology_columns,
    same_features,
    spot_features,
)
from histobridge.translation.base import Translator
from histobridge.translation.penalty import RidgePath, choose_penalty

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


class ViewRidge(Translator):
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
        key: str = keys.MORPHOLOGY,
        seed: int = 0,
    ):
        self.views = tuple(views)
        self.besides = tuple(besides)
        self.alphas = tuple(alphas)
        self.key = key
        self.seed = seed

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        self.columns_ = feature_names(adata, self.key)
        blocks, self.scales_ = [], []
        for view, columns in self._present(adata):
            x = spot_features(adata, columns, view.neighbours, self.key)[spots]
            length = max(float((x**2).sum() / len(x)), 1e-12)
            self.scales_.append(float(np.sqrt(view.weight / length)))
            blocks.append(x * self.scales_[-1])
        x = np.concatenate(blocks, axis=1)
        self.alpha_ = choose_penalty(
            adata, spots, target, self.alphas, lambda _: x.__getitem__, self.seed
        )
        path = RidgePath(x, target)
        self.centre_, self.intercept_ = path.centre, path.intercept
        self.coefficients_ = path.coefficients(self.alpha_)
        self.settings_ |= {
            "alpha": float(self.alpha_),
            "views": [view.encoder for view, _ in self._present(adata)],
        }

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        same_features(self.columns_, feature_names(adata, self.key))
        present = zip(self._present(adata), self.scales_, strict=True)
        blocks = [
            spot_features(adata, columns, view.neighbours, self.key)[spots] * scale
            for (view, columns), scale in present
        ]
        x = np.concatenate(blocks, axis=1)
        return (x - self.centre_) @ self.coefficients_ + self.intercept_

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
