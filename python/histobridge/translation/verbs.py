"""Train a translator and predict with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from histobridge import contract, keys, registry
from histobridge.translation.base import GENES, Translator

if TYPE_CHECKING:
    from anndata import AnnData


def train_translation(
    adata: AnnData,
    system: str = "ridge_plus",
    *,
    genes: int | Sequence[str] | None = None,
    **params: Any,
) -> Translator:
    """Train a system that predicts expression from the image.

    Reads counts, ``obsm["morphology"]`` (see ``add_morphology``), positions and
    sections; writes nothing.

    Parameters
    ----------
    adata
        Training spots of one or several sections. Spots without counts are left
        out and counted in ``settings_["n_empty"]``.
    system
        Name from ``histobridge.systems("translation")``.
    genes
        Gene names, or how many of the most variable ones; default 250.
    **params
        Of the system, e.g. ``seed``.

    Returns
    -------
    A fitted translator with ``predict``, ``genes_`` and ``settings_``.

    Raises
    ------
    ContractError
        Unknown system; no counts; no image features; repeated names.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.add_morphology(bulb, "colour", cache=False, progress=False)
    >>> len(hb.train_translation(bulb, genes=20).genes_)
    20
    """
    contract.unique_names(adata)
    model = registry.find(system, "translation").create(**params)
    model.fit(adata, GENES if genes is None else genes)
    model.settings_ = {"system": system, "params": params} | model.settings_
    return model


def predict_expression(
    adata: AnnData, model: Translator, *, key_added: str = keys.PREDICTED
) -> None:
    """Predict expression from the image.

    Reads what the model was trained on except counts; writes the data frame
    ``obsm[key_added]`` (n_spots x n_genes, log1p CP10k) and settings under
    ``uns["histobridge"][key_added]``.

    Raises
    ------
    ContractError
        When the image features differ from those of training.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.add_morphology(bulb, "colour", cache=False, progress=False)
    >>> hb.predict_expression(bulb, hb.train_translation(bulb, genes=20))
    >>> bulb.obsm["predicted"].shape
    (264, 20)
    """
    contract.unique_names(adata)
    values = model.predict(adata)
    adata.obsm[key_added] = pd.DataFrame(
        values, index=adata.obs_names, columns=model.genes_
    )
    contract.record(adata, key_added, {"verb": "predict_expression", **model.settings_})
