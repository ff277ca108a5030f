"""Ridge regression on a sum of kernels, one per kind of image feature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from histobridge import graphs, keys
from histobridge.contract import ContractError
from histobridge.images.features import morphology_columns, spot_features
from histobridge.normalisation import pearson_columns
from histobridge.splits import inner_splits
from histobridge.translation.base import Translator

if TYPE_CHECKING:
    from anndata import AnnData

LANDMARKS = 3000
# Above some thirty times the kernel's diagonal only the overall level is left.
ALPHAS = tuple(10.0 ** np.arange(-2, 1.6, 0.25))


@dataclass(frozen=True)
class View:
    """One kernel: the features of an encoder, their context and their weight.

    Attributes
    ----------
    encoder
        Name recorded by ``add_morphology``; ``*`` is every other encoder.
    neighbours
        Means over so many nearest spots stand beside the spot's own features.
    weight
        In the sum of kernels; weights of the views present are scaled to sum 1.
    linear
        A linear kernel instead of a Gaussian one.
    """

    encoder: str
    neighbours: tuple[int, ...] = (1, 9)
    weight: float = 1.0
    linear: bool = False


class KernelRidge(Translator):
    """Kernel ridge regression of all genes at once on standardised views.

    ``K = sum_v w_v K_v`` with Gaussian kernels whose bandwidth is the median squared
    distance of training spots. Up to 3,000 training spots this is exact; above,
    3,000 random ones serve as landmarks (Nystroem). The penalty is chosen by mean
    per-gene Pearson over inner folds (patients, else sections, else blocks).

    Parameters
    ----------
    views
        Kernels; a view whose encoder is absent is left out.
    alphas
        Penalties tried, in units of the kernel's mean diagonal.
    key
        ``obsm`` entry of the features.
    seed
        Of landmarks and inner folds.
    """

    def __init__(
        self,
        views: Sequence[View],
        *,
        alphas: Sequence[float] = ALPHAS,
        key: str = keys.MORPHOLOGY,
        seed: int = 0,
    ):
        self.views = tuple(views)
        self.alphas = tuple(alphas)
        self.key = key
        self.seed = seed

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        self.present_ = self._present(adata)
        self.columns_ = self._columns(adata)
        rng = np.random.default_rng(self.seed)
        landmarks = np.arange(len(spots))
        if len(landmarks) > LANDMARKS:
            landmarks = np.sort(rng.choice(landmarks, LANDMARKS, replace=False))
        self.landmarks_, self.scales_, kernel = [], [], 0.0
        for view, columns, weight in self.present_:
            x = spot_features(adata, columns, view.neighbours, self.key)[spots]
            self.landmarks_.append(x[landmarks])
            self.scales_.append(_scale(x[landmarks], view.linear))
            kernel = kernel + weight * _kernel(
                x[landmarks], x[landmarks], self.scales_[-1], view.linear
            )
        values, vectors = np.linalg.eigh(kernel)
        keep = values > values[-1] * 1e-10
        self.projection_ = vectors[:, keep] / np.sqrt(values[keep])
        phi = self._phi(adata, spots)
        self.alpha_ = self._choose(adata, spots, phi, target)
        path = RidgePath(phi, target)
        self.centre_, self.intercept_ = path.centre, path.intercept
        self.coefficients_ = path.coefficients(self.alpha_)
        self.settings_ |= {
            "alpha": float(self.alpha_),
            "views": [view.encoder for view, _, _ in self.present_],
        }

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        present = self._present(adata)
        theirs = [(v.encoder, len(c)) for v, c, _ in self.present_]
        found = [(v.encoder, len(c)) for v, c, _ in present]
        if theirs != found:
            raise ContractError(
                f"the image features that the model was trained on: {theirs}", found
            )
        for mine, other in zip(self.columns_, self._columns(adata), strict=False):
            if mine != other:
                raise ContractError(
                    f"the image features that the model was trained on: {mine!r}",
                    repr(other),
                )
        phi = self._phi(adata, spots)
        return (phi - self.centre_) @ self.coefficients_ + self.intercept_

    def _columns(self, adata: AnnData) -> list[str]:
        """Names of the feature columns, none where they were not recorded."""
        settings = adata.uns.get(keys.SETTINGS, {}).get(self.key, {})
        return [str(name) for name in settings.get("columns", [])]

    def _present(self, adata: AnnData) -> list[tuple[View, np.ndarray, float]]:
        columns = morphology_columns(adata, self.key)
        named = {view.encoder for view in self.views}
        found = []
        for view in self.views:
            if view.encoder == "*":
                rest = [c for name, c in columns.items() if name not in named]
                if rest:
                    found.append((view, np.concatenate(rest)))
            elif view.encoder in columns:
                found.append((view, columns[view.encoder]))
        if not found:
            raise ContractError(f"image features of {sorted(named)}", "none", columns)
        total = sum(view.weight for view, _ in found)
        return [(view, c, view.weight / total) for view, c in found]

    def _phi(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        kernel = 0.0
        rows = zip(self.present_, self.landmarks_, self.scales_, strict=True)
        for (view, columns, weight), there, scale in rows:
            x = spot_features(adata, columns, view.neighbours, self.key)[spots]
            kernel = kernel + weight * _kernel(x, there, scale, view.linear)
        return kernel @ self.projection_

    def _choose(
        self, adata: AnnData, spots: np.ndarray, phi: np.ndarray, target: np.ndarray
    ) -> float:
        row = np.full(adata.n_obs, -1)
        row[spots] = np.arange(len(spots))
        sections = graphs.section_codes(adata)[spots]
        score, weight = np.zeros(len(self.alphas)), 0
        for train, test in inner_splits(adata, spots, self.seed):
            a, b = row[train], row[test]
            path = RidgePath(phi[a], target[a])
            for section in np.unique(sections[b]):
                rows = b[sections[b] == section]
                if len(rows) < 5:
                    continue
                for i, guess in enumerate(path.predict(phi[rows], self.alphas)):
                    score[i] += len(rows) * pearson_columns(guess, target[rows]).mean()
                weight += len(rows)
        return self.alphas[int(score.argmax())] if weight else 1.0


def _scale(x: np.ndarray, linear: bool) -> float:
    if linear:
        return max(float((x**2).sum() / len(x)), 1e-12)
    distances = _squared_distances(x, x)[np.triu_indices(len(x), 1)]
    return max(float(np.median(distances)), 1e-12) if distances.size else 1.0


def _kernel(x: np.ndarray, y: np.ndarray, scale: float, linear: bool) -> np.ndarray:
    if linear:
        return x @ y.T / scale
    return np.exp(-_squared_distances(x, y) / (2 * scale))


def _squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    square = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T
    return np.maximum(square, 0.0)


class RidgePath:
    """Ridge regression for many penalties from one decomposition.

    The eigenvectors of the smaller of ``phi phi'`` and ``phi' phi`` serve every
    penalty.
    """

    def __init__(self, phi: np.ndarray, target: np.ndarray):
        self.centre, self.intercept = phi.mean(axis=0), target.mean(axis=0)
        centred, residual = phi - self.centre, target - self.intercept
        if len(centred) <= centred.shape[1]:
            values, vectors = np.linalg.eigh(centred @ centred.T)
            self.basis = centred.T @ vectors
            self.projected = vectors.T @ residual
        else:
            values, self.basis = np.linalg.eigh(centred.T @ centred)
            self.projected = self.basis.T @ (centred.T @ residual)
        self.values = np.maximum(values, 0.0)

    def coefficients(self, alpha: float) -> np.ndarray:
        """Coefficients (n_features, n_targets) for one penalty."""
        return self.basis @ (self.projected / (self.values + alpha)[:, None])

    def predict(self, phi: np.ndarray, alphas: Sequence[float]) -> Iterator[np.ndarray]:
        """Yield the prediction (rows, n_targets) of every penalty."""
        scores = (phi - self.centre) @ self.basis
        for alpha in alphas:
            yield (scores / (self.values + alpha)) @ self.projected + self.intercept
