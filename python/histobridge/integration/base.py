"""The contract of every integration system: an embedding, and domains from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.integration.heads import Head, Mixture

if TYPE_CHECKING:
    from anndata import AnnData

Embed = Callable[["AnnData", int], np.ndarray]
Refine = Callable[[np.ndarray, "AnnData"], np.ndarray]


class Integrator:
    """An embedding, a clustering head, and what refines its labels.

    Parameters
    ----------
    embed
        ``embed(adata, seed)`` gives an array (n_spots, d). It sees counts,
        positions, sections and image features; labels never reach it.
    head
        ``head(embedding, k, seed, adata)`` gives a label per spot.
    refine
        ``refine(labels, adata)`` gives refined labels.
    uses_image
        Whether image features enter where there are any; what happened is recorded.
    as_published
        Whether published bugs are reproduced; recorded with every result.

    Attributes
    ----------
    embedding_ : (n_spots, d)
    facts_ : dict
        What the verbs record besides their settings.
    """

    def __init__(
        self,
        embed: Embed,
        head: Head | None = None,
        refine: Refine | None = None,
        *,
        seed: int = 0,
        as_published: bool = False,
        uses_image: bool = False,
    ):
        self.embed = embed
        self.head = head or Mixture()
        self.refine = refine
        self.seed = seed
        self.as_published = as_published
        self.uses_image = uses_image

    def fit(self, adata: AnnData) -> Integrator:
        """Embed every spot.

        Raises
        ------
        ContractError
            Fewer than four spots, or what the embedding needs is absent.
        """
        contract.counts(adata)
        if adata.n_obs < 4:
            raise ContractError("at least 4 spots with counts", adata.n_obs)
        self.facts_: dict[str, Any] = {}
        if self.as_published:
            self.facts_["as_published"] = True
        if self.uses_image:
            has = keys.MORPHOLOGY in adata.obsm
            self.facts_["image"] = "used" if has else "absent: genes only"
        self.embedding_ = np.asarray(self.embed(adata, self.seed), dtype=float)
        return self

    def fit_predict(self, adata: AnnData, k: int | None = None) -> np.ndarray:
        """Label (n_spots,) from 0; ``k=None`` leaves the number to the head.

        Raises
        ------
        ContractError
            Fewer than two spots per domain.
        """
        if adata.n_obs < 2 * (k or 2):
            raise ContractError(f"at least {2 * (k or 2)} spots", adata.n_obs)
        self.fit(adata)
        labels = np.asarray(self.head(self.embedding_, k, self.seed, adata))
        return labels if self.refine is None else self.refine(labels, adata)
