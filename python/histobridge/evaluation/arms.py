"""Arms of the question what an image adds: absent, moved, beside covariates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import contract, graphs, keys
from histobridge.evaluation.views import training_view, withheld_view
from histobridge.registry import System
from histobridge.splits import Positions, SpatialBlockKFold, inner_splits
from histobridge.statistics import toroidal_shifts
from histobridge.translation.base import Translator

if TYPE_CHECKING:
    from anndata import AnnData


def without_image(adata: AnnData, seed: int = 0) -> AnnData:
    """Copy of ``adata`` that has no image and no features of one."""
    bare = adata.copy()
    bare.obsm.pop(keys.MORPHOLOGY, None)
    parts = [keys.IMAGES, keys.IMAGE_METADATA]
    libraries = bare.uns.get(keys.SPATIAL, {}).items()
    bare.uns[keys.SPATIAL] = {
        name: {key: value for key, value in library.items() if key not in parts}
        for name, library in libraries
    }
    return bare


def permuted_image(adata: AnnData, seed: int | Sequence[int] = 0) -> AnnData:
    """Copy whose features belong to other spots of the section, at random."""
    rng = np.random.default_rng(seed)
    order = np.arange(adata.n_obs)
    for spots in contract.sections(adata).values():
        order[spots] = rng.permutation(spots)
    return _reordered(adata, order)


def shifted_image(adata: AnnData, seed: int = 0) -> AnnData:
    """Copy whose features are shifted as a torus: smooth as before, but elsewhere."""
    points = graphs.positions_microns(adata)
    order = np.arange(adata.n_obs)
    for spots in contract.sections(adata).values():
        order[spots] = spots[toroidal_shifts(points[spots], 1, seed)[0]]
    return _reordered(adata, order)


def _reordered(adata: AnnData, order: np.ndarray) -> AnnData:
    moved = adata.copy()
    moved.obsm[keys.MORPHOLOGY] = np.asarray(adata.obsm[keys.MORPHOLOGY])[order]
    return moved


CHANGES: dict[str, Callable[[AnnData, int], AnnData]] = {
    "no image": without_image,
    "permuted image": permuted_image,
    "shifted image": shifted_image,
}
"""Name of an arm -> what happens to the image; the last two are nulls."""


@dataclass
class Changed:
    """A model of any task that is shown another image than there is."""

    model: Any
    change: Callable[[AnnData], AnnData]

    def fit(self, adata: AnnData, genes: Any, spots: np.ndarray) -> Changed:
        """Fit on the changed object."""
        self.model.fit(self.change(adata), genes, spots)
        return self

    def predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        """Predict from the changed object."""
        return self.model.predict(self.change(adata), spots)

    def fit_predict(self, adata: AnnData, *problem: Any) -> np.ndarray:
        """Answer from the changed object."""
        return self.model.fit_predict(self.change(adata), *problem)


def changed(
    *, system: System, params: Mapping[str, Any], how: str, seed: int = 0
) -> Changed:
    """Build ``system`` so that it sees the image as ``CHANGES[how]`` leaves it."""
    model = system.create(**{"seed": seed, **params})
    return Changed(model, lambda adata: CHANGES[how](adata, seed))


class Stacked(Translator):
    """Weighted sum of translators, weights fitted where they have not trained.

    Weights lie between 0 and 1, are shared by all genes and fitted to what differs
    between spots of a section, on predictions for inner folds (Breiman 1996, Machine
    Learning 24:49). Inner folds hold out what the outer one does: sections or
    patients where the object has sections that nothing is trained on, else blocks.

    Attributes
    ----------
    weights_
        (systems,).
    """

    def __init__(self, members: Sequence[tuple[System, Mapping[str, Any]]], seed: int):
        self.members = members
        self.seed = seed

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        from scipy.optimize import lsq_linear

        place = np.full(adata.n_obs, -1)
        place[spots] = np.arange(len(spots))
        self.mean_ = target.mean(axis=0)
        sections = graphs.section_codes(adata)
        gram = np.zeros((len(self.members), len(self.members)))
        right = np.zeros(len(self.members))
        for train, test in self._inner(adata, spots):
            guesses = self._guesses(self._fitted(adata, train), adata, test)
            truth = _centred(target[place[test]], sections[test])
            guesses = [_centred(guess, sections[test]) for guess in guesses]
            gram += [[(a * b).sum() for b in guesses] for a in guesses]
            right += [(guess * truth).sum() for guess in guesses]
        # The least ridge: a member that predicts nothing must not make it singular.
        gram += np.eye(len(gram)) * max(1e-9 * np.trace(gram), 1e-12)
        root = np.linalg.cholesky(gram)
        known = np.linalg.solve(root, right)
        # A timid member would else be blown up far beyond what it was fitted for.
        self.weights_ = lsq_linear(root.T, known, bounds=(0.0, 1.0)).x
        self.models_ = self._fitted(adata, spots)

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        guesses = [model.predict(adata, spots) - self.mean_ for model in self.models_]
        return self.mean_ + np.tensordot(self.weights_, guesses, axes=1)

    def _inner(self, adata: AnnData, spots: np.ndarray) -> list[Positions]:
        names = contract.section_names(adata).to_numpy()
        if set(names) - set(names[spots]):
            return inner_splits(adata, spots, self.seed)
        blocks = SpatialBlockKFold(3, seed=self.seed).split(adata[spots])
        return [(spots[train], spots[test]) for train, test in blocks]

    def _fitted(self, adata: AnnData, train: np.ndarray) -> list[Any]:
        models = []
        for system, params in self.members:
            model = system.create(**{"seed": self.seed, **params})
            view = training_view(adata, train, system.needs)
            models.append(model.fit(view, self.genes_, train))
        return models

    def _guesses(
        self, models: list[Any], adata: AnnData, test: np.ndarray
    ) -> list[np.ndarray]:
        pairs = zip(self.members, models, strict=True)
        return [
            model.predict(withheld_view(adata, test, system.needs), test)
            for (system, _), model in pairs
        ]


def stacked(
    *, members: Sequence[tuple[System, Mapping[str, Any]]], seed: int = 0
) -> Stacked:
    """Build a stack of systems."""
    return Stacked(members, seed)


def _centred(values: np.ndarray, sections: np.ndarray) -> np.ndarray:
    out = np.array(values)
    for section in np.unique(sections):
        rows = sections == section
        out[rows] -= out[rows].mean(axis=0)
    return out


def arm(name: str, build: Callable[..., Any], needs: Sequence[str]) -> System:
    """Describe an arm as a system that no list shows."""
    return System(
        name=name,
        task="",
        build=build,
        needs=tuple(needs),
        status="arm",
        paper="",
        summary=name,
        evidence="",
        deviations="",
        module=__name__,
    )
