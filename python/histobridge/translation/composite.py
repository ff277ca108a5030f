"""Translators made of translators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge.translation.base import Translator
from histobridge.translation.components import ComponentTranslator

if TYPE_CHECKING:
    from anndata import AnnData


class Composite(Translator):
    """Holds members, fits them to the same genes and saves what they hold."""

    def __init__(self, members: Sequence[Translator]):
        self.members = tuple(members)

    def _fit_member(
        self, member: Translator, adata: AnnData, spots: np.ndarray, target: np.ndarray
    ) -> None:
        member.genes_, member.settings_ = self.genes_, {}
        member._fit(adata, spots, target)

    def get_state(self) -> dict[str, Any]:
        """What the members hold beside what this translator does."""
        return super().get_state() | {
            "members_": [member.get_state() for member in self.members]
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Take back what :meth:`get_state` gave."""
        state = dict(state)
        for member, own in zip(self.members, state.pop("members_"), strict=True):
            member.genes_ = self.genes_
            member.set_state(own)
        super().set_state(state)


class Average(Composite):
    """Fits every member to the same target and averages what they predict."""

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        for member in self.members:
            self._fit_member(member, adata, spots, target)
            self.settings_ |= member.settings_

    def _predict(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        alike = self._alike()
        if alike:
            scores = [member.scores(adata, spots) for member in alike]
            return alike[0].genes_of(np.mean(scores, axis=0))
        total = self.members[0]._predict(adata, spots)
        for member in self.members[1:]:
            total += member._predict(adata, spots)
        total /= len(self.members)
        return total

    def _alike(self) -> list[ComponentTranslator]:
        """The members, if all predict the same components: those are averaged."""
        found = [m for m in self.members if isinstance(m, ComponentTranslator)]
        same = all(found[0].shares_components(other) for other in found[1:])
        return found if same and len(found) == len(self.members) else []
