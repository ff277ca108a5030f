"""What is explained: one gene, the mean of a set of genes, or a component."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from histobridge.contract import ContractError

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.translation.base import Translator


@dataclass(frozen=True)
class Target:
    """A weighted sum of predicted genes.

    Attributes
    ----------
    name
        For titles.
    weights
        (n_genes,) of the genes of the model.
    """

    name: str
    weights: np.ndarray


def find_target(
    model: Translator,
    adata: AnnData,
    gene: str | Sequence[str] | None,
    component: int | None,
) -> Target:
    """Target of a gene, the mean of several, or a component of the predictions.

    Raises
    ------
    ContractError
        Both or neither chosen; a gene that the model does not predict; a component
        that there is not.
    """
    if (gene is None) == (component is None):
        found = "neither" if gene is None else "both"
        raise ContractError("either gene or component", found)
    if component is not None:
        return _component(model, adata, component)
    assert gene is not None
    genes = [gene] if isinstance(gene, str) else [str(name) for name in gene]
    absent = [name for name in genes if name not in model.genes_]
    if absent or not genes:
        raise ContractError("genes that the model predicts", absent, model.genes_)
    weights = np.zeros(len(model.genes_))
    weights[[model.genes_.index(name) for name in genes]] = 1 / len(genes)
    name = genes[0] if len(genes) == 1 else f"mean of {len(genes)} genes"
    return Target(name, weights)


def _component(model: Translator, adata: AnnData, component: int) -> Target:
    values = model.predict(adata)
    most = min(values.shape)
    if not 1 <= component <= most:
        raise ContractError(f"a component from 1 to {most}", f"{component}")
    axes = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)[2]
    axis = axes[component - 1]
    # The sign of an axis is arbitrary: its strongest gene points up.
    return Target(f"component {component}", axis * np.sign(axis[np.abs(axis).argmax()]))
