"""How far a prediction is believed: as far as two kinds of features agree on it.

A section of a new patient may look as usual and still mean something else. Two
models that share no feature then part: what one reads from colour and texture the
other does not find in the shapes that a network sees. Their correlation over the
spots of a section is the reliability of parallel forms of a test, and a score is
drawn to the mean by it (Kelley 1927, Interpretation of Educational Measurements).
Only the image of the section is needed. What was learned from a patient is true of that
patient: sections of those trained on are believed as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from histobridge import contract
from histobridge.images.features import morphology_columns
from histobridge.normalisation import pearson_columns
from histobridge.translation.base import Translator, patients_of
from histobridge.translation.composite import Composite
from histobridge.translation.rows import blocks, evenly
from histobridge.translation.scope import FEWEST

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.translation.ridge import ViewRidge

MOST_SPOTS = 500
"""Spots of a section, evenly spaced, over which two forms are compared."""


class Believed(Composite):
    """Draws a member's prediction to the mean, gene by gene and section by section.

    Where training and prediction say whose the sections are (``obs["patient"]``),
    only in those of other patients.

    Parameters
    ----------
    member
        Whose prediction it is.
    forms
        Two ridges on different encoders. Where one has no encoder, or a section has
        fewer than 20 spots, the prediction is left as it is.
    """

    members: tuple[Translator, ViewRidge, ViewRidge]

    def __init__(self, member: Translator, forms: tuple[ViewRidge, ViewRidge]):
        super().__init__((member, *forms))

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        member, *forms = self.members
        columns = morphology_columns(adata, forms[0].key)
        self.two_forms_ = all(form.sees(columns) for form in forms)
        for model in self.members if self.two_forms_ else (member,):
            self._fit_member(model, adata, spots, target)
        self.mean_, self.patients_ = target.mean(axis=0), patients_of(adata, spots)
        self.settings_ |= member.settings_

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        guess = self.members[0]._predict(adata, spots)
        if not self.two_forms_:
            return guess
        names = contract.section_names(adata).to_numpy()[spots]
        new = [n for n in np.unique(names) if not self._knows(adata, spots[names == n])]
        for name, belief in self._agreement(adata, np.array(new)).items():
            for rows in blocks(np.flatnonzero(names == name)):
                part = guess[rows]
                part -= self.mean_
                part *= belief
                part += self.mean_
                guess[rows] = part
        return guess

    def _knows(self, adata: AnnData, spots: np.ndarray) -> bool:
        """Whether all of ``spots`` are of patients that were trained on."""
        patients = patients_of(adata, spots)
        return bool(patients) and set(patients) <= set(self.patients_)

    def _agreement(self, adata: AnnData, names: np.ndarray) -> dict[str, np.ndarray]:
        """Section -> correlation (n_genes,) of the two forms over it, 0 at least."""
        sections = contract.sections(adata)
        seen = {
            n: evenly(sections[n], MOST_SPOTS)
            for n in names
            if len(sections[n]) >= FEWEST
        }
        if not seen:
            return {}
        spots = np.concatenate(list(seen.values()))
        # Genes of the same components correlate as those do: none is written out.
        forms = self.members[1:]
        first, second = (form.scores(adata, spots) for form in forms)
        axes = forms[0].gene_axes_
        ends = np.cumsum([len(part) for part in seen.values()])
        rows = [
            slice(end - len(p), end) for end, p in zip(ends, seen.values(), strict=True)
        ]
        return {
            name: np.maximum(_pearson_of_genes(first[part], second[part], axes), 0.0)
            for name, part in zip(seen, rows, strict=True)
        }


def _pearson_of_genes(
    first: np.ndarray, second: np.ndarray, axes: np.ndarray | None
) -> np.ndarray:
    """Pearson (n_genes,) of ``first @ axes.T`` and ``second @ axes.T`` over rows."""
    if axes is None:
        return pearson_columns(first, second)
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    both, one, other = (((axes @ (x.T @ y)) * axes).sum(axis=1) for x, y in
                        ((a, b), (a, a), (b, b)))  # fmt: skip
    scale = np.sqrt(np.maximum(one * other, 0.0))
    return np.divide(both, scale, out=np.zeros_like(scale), where=scale > 1e-12)
