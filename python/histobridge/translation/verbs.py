"""Train a translator and predict with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import contract, keys, registry
from histobridge.contract import ContractError
from histobridge.translation.base import GENES, Translator
from histobridge.translation.reliability import BELIEVED, assess
from histobridge.translation.scope import IN_SCOPE, agreement

if TYPE_CHECKING:
    from anndata import AnnData


def train_translation(
    adata: AnnData,
    system: str = "ridge_plus",
    *,
    genes: int | Sequence[str] | None = None,
    reliability: bool | None = None,
    **params: Any,
) -> Translator:
    """Train a system that predicts expression from the image.

    Reads counts, positions, sections and, as the system needs, ``obsm["morphology"]``
    (see ``add_morphology``) or the images of ``uns["spatial"]``; writes nothing.

    Parameters
    ----------
    adata
        Training spots of one or several sections. Spots without counts are left
        out and counted in ``settings_["n_empty"]``.
    system
        Name from ``histobridge.list_systems("translation")``.
    genes
        Gene names, or how many of the most variable ones; default 250.
    reliability
        Also fit on inner folds (patients, else sections, else blocks), to say how
        well each gene is predicted; default for house systems only, since it takes
        a fit per fold.
    **params
        Of the system, e.g. ``seed``; neural systems take the fields of
        :class:`histobridge.translation.options.Options`.

    Returns
    -------
    A fitted translator with ``predict``, ``genes_`` and ``settings_``; where asked
    for, ``settings_["expected_pearson"]`` and ``settings_["half_width"]`` per gene.

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
    entry = registry.find(system, "translation")
    model = entry.create(**params)
    model.fit(adata, GENES if genes is None else genes)
    model.settings_ = {"system": system, "params": params} | model.settings_
    if entry.status == "house" if reliability is None else reliability:
        found = assess(lambda: entry.create(**params), adata, model.genes_)
        if found is not None:
            model.settings_["expected_pearson"] = found.pearson
            model.settings_["half_width"] = found.half_width
    return model


def predict_expression(
    adata: AnnData,
    model: Translator,
    *,
    reliable: bool = False,
    key_added: str = keys.PREDICTED,
) -> None:
    """Predict expression from the image, and say what to believe.

    Reads what the model was trained on except counts; writes the data frame
    ``obsm[key_added]`` (n_spots x n_genes, log1p CP10k), ``obs[key_added +
    "_in_scope"]`` (does the section's image look like those of training? ``False``
    too where fewer than 20 spots can not tell) and under
    ``uns["histobridge"][key_added]`` settings, per gene ``expected_pearson`` and
    ``half_width`` (90 % of measurements lie within it), and per section ``scope``.

    Parameters
    ----------
    reliable
        Keep only genes whose expected Pearson is at least 0.3.

    Raises
    ------
    ContractError
        When the image features differ from those of training; when reliable genes
        are asked of a model trained without ``reliability``, or there are none.

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
    settings = dict(model.settings_)
    keep = _believed(settings) if reliable else np.arange(len(model.genes_))
    values = model.predict(adata)[:, keep]
    for name in ("expected_pearson", "half_width"):
        if name in settings:
            settings[name] = settings[name][keep]
    scope = getattr(model, "scope_", None)
    if scope is not None and keys.MORPHOLOGY in adata.obsm:
        settings["scope"] = agreement(scope, adata)
        found = contract.section_names(adata).astype(str).map(settings["scope"])
        adata.obs[f"{key_added}_in_scope"] = (found >= IN_SCOPE).to_numpy()
    adata.obsm[key_added] = pd.DataFrame(
        values, index=adata.obs_names, columns=np.array(model.genes_)[keep]
    )
    contract.record(adata, key_added, {"verb": "predict_expression", **settings})


def _believed(settings: dict[str, Any]) -> np.ndarray:
    expected = settings.get("expected_pearson")
    if expected is None:
        raise ContractError(
            "a model that knows what to expect: trained with reliability = True on "
            "tissue large enough for inner folds",
            "one that does not",
        )
    keep = np.flatnonzero(expected >= BELIEVED)
    if not len(keep):
        raise ContractError(
            f"genes whose expected Pearson is at least {BELIEVED}",
            f"none; the best reaches {expected.max():.2f}",
        )
    return keep
