"""What a task has to say for the one runner to run it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import joblib
import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, keys, registry
from histobridge.contract import ContractError
from histobridge.images.lazy import LazyPixels
from histobridge.registry import System
from histobridge.splits import Splitter

if TYPE_CHECKING:
    from anndata import AnnData

Score = Callable[[Any], float]
"""From a part of the test spots, as its task defines it, to a number."""


@dataclass(frozen=True)
class Fold:
    """Who is trained on and who is tested; ``genes`` were chosen on ``train``."""

    protocol: str
    name: str
    train: np.ndarray
    test: np.ndarray
    genes: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Spots that are scored together, and what scores are functions of."""

    section: str
    spots: np.ndarray
    content: Any


class Problem:
    """One task on one object: folds, answers of a system, parts to score.

    ``answer`` may show a system only what the views let through; truth is read in
    ``parts``, which is called with the finished answer.

    Attributes
    ----------
    task, headline
        Task of the registry; metrics of the summary, the first one decides.
    scores
        Name -> score of a ``Part.content``.
    """

    task: ClassVar[str]
    headline: tuple[str, ...]
    scores: Mapping[str, Score]

    def __init__(self, adata: AnnData):
        contract.unique_names(adata)
        self.adata = adata
        self.full = ~contract.empty_spots(adata)

    def folds(self, splitter: Splitter | None, protocol: str) -> list[Fold]:
        """Folds of a splitter, spots without counts left out."""
        raise NotImplementedError

    def untrained_folds(
        self,
        parts: Mapping[str, np.ndarray],
        usable: np.ndarray,
        splitter: Splitter | None,
        protocol: str,
    ) -> list[Fold]:
        """Test spots of ``parts``, or of a splitter; nothing is trained on."""
        if splitter is not None:
            parts = {s.name: s.test for s in splitter.splits(self.adata)}
        none = np.empty(0, dtype=int)
        tested = {name: spots[usable[spots]] for name, spots in parts.items()}
        return [
            Fold(protocol, name, none, spots)
            for name, spots in tested.items()
            if len(spots)
        ]

    def answer(self, model: Any, fold: Fold, needs: Sequence[str]) -> np.ndarray:
        """What a model says about the test spots, from views alone."""
        raise NotImplementedError

    def parts(self, fold: Fold, answer: np.ndarray) -> Iterator[Part]:
        """Answer beside truth, by section."""
        raise NotImplementedError

    def weights(self, part: Part, replicates: int) -> np.ndarray:
        """How often a bootstrap draws each spot, (replicates, n), always the same."""
        raise NotImplementedError

    def replicates(
        self, part: Part, weights: np.ndarray, names: Sequence[str]
    ) -> dict[str, np.ndarray]:
        """Score under each row of ``weights``, for the names it is defined for."""
        raise NotImplementedError

    def rungs(self) -> list[System]:
        """Baselines of this problem that the registry does not have."""
        return []

    def chosen(self, asked: Sequence[str] | str | None) -> list[System]:
        """Systems asked for by name, or by default, and every baseline."""
        return registry.chosen(self.task, asked, self.adata) + self.rungs()

    def kept(self, answer: np.ndarray) -> list[int] | None:
        """What of an answer is stored beside its scores; by default nothing."""
        return None

    def facts(self) -> list[Any]:
        """What beside ``adata`` decides the scores, for the content address."""
        return []

    def chosen_scores(
        self, wanted: Sequence[str] | Mapping[str, Score] | None
    ) -> dict[str, Score | None]:
        """Names of scores, or the caller's own by name.

        Raises
        ------
        ContractError
            Naming the metrics there are.
        """
        if isinstance(wanted, Mapping):
            return dict(wanted)
        names = list(self.scores) if wanted is None else wanted
        names = [names] if isinstance(names, str) else list(names)
        unknown = [name for name in names if name not in self.scores]
        if unknown:
            raise ContractError("metrics", unknown, self.scores)
        return dict.fromkeys(names)

    def patient(self, spot: int) -> str:
        """Patient of a spot; its section where no patients are known."""
        sections = contract.section_names(self.adata)
        patients = self.adata.obs.get(keys.PATIENT, sections)
        known = not pd.isna(patients.iloc[spot])
        return str((patients if known else sections).iloc[spot])

    def address(self) -> str:
        """Hash of all that a system or a score may read."""
        adata = self.adata
        counts = sp.csr_matrix(contract.counts(adata)).copy()
        counts.sort_indices()
        parts: list[Any] = [counts.indptr, counts.indices, counts.data.astype(float)]
        parts += [list(adata.obs_names), list(adata.var_names)]
        parts += [list(contract.section_names(adata))]
        if keys.PATIENT in adata.obs:
            parts.append(list(adata.obs[keys.PATIENT].astype(str)))
        for key in (keys.SPATIAL, keys.MORPHOLOGY):
            if key in adata.obsm:
                parts.append(np.asarray(adata.obsm[key]))
        parts.append(adata.uns.get(keys.SETTINGS, {}))
        for name, library in adata.uns.get(keys.SPATIAL, {}).items():
            source = library.get(keys.IMAGE_METADATA, {}).get(keys.SOURCE_IMAGE)
            images = {**library.get(keys.IMAGES, {}), keys.SOURCE_IMAGE: source}
            shown = {name: _content(image) for name, image in images.items()}
            parts.append([name, library.get(keys.SCALE_FACTORS), shown])
        return joblib.hash([*parts, self.task, *self.facts()])


def _content(image: Any) -> Any:
    """What an image shows: another file of the same name is another image."""
    if isinstance(image, str | Path) and Path(image).is_file():
        with Path(image).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return image.digest() if isinstance(image, LazyPixels) else image
