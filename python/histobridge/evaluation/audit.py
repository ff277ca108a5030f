"""What a split or a table of predictions leaks, computed instead of trusted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge.contract import ContractError
from histobridge.evaluation import leaks_target as target
from histobridge.evaluation.leaks import (
    CLEAN,
    FLAGS,
    LEAK,
    UNKNOWN,
    Finding,
    split_findings,
)
from histobridge.evaluation.leaks_score import score_findings
from histobridge.evaluation.leaks_table import table_of
from histobridge.splits import Positions, Split, Splitter, audit_split

if TYPE_CHECKING:
    from anndata import AnnData

__all__ = ["audit", "audit_predictions", "audit_split"]

Spots = np.ndarray | Sequence[str]


def audit(
    adata: AnnData,
    splits: Splitter | Iterable[Split | Positions],
    predictions: Sequence[pd.DataFrame] | None = None,
    *,
    patch_microns: float | None = None,
    patch_px: float | None = None,
    **facts: Any,
) -> pd.DataFrame:
    """Compute the flags a-n of the leak taxonomy on every split.

    Reads counts, positions, sections and patients; writes nothing.

    Parameters
    ----------
    splits
        A splitter, or (train, test) pairs of positions, names or masks, whoever made
        them.
    predictions
        One table (spots x genes) per split, see :func:`audit_predictions`; without
        them flags c to j and l stay unknown.
    patch_microns, patch_px
        Side of the patches in use, in microns or (cropped in pixels) in pixels.
    facts
        What :func:`audit_predictions` takes beside, the same for every split.

    Returns
    -------
    One row per split and flag: ``split``, ``flag`` (a-n), ``leak`` (what it is),
    ``status`` (``leak``, ``clean`` or ``unknown``), ``value``, ``detail``.

    Raises
    ------
    ContractError
        When there are not as many predictions as splits.
    """
    made = list(splits.splits(adata) if isinstance(splits, Splitter) else splits)
    if predictions is not None and len(predictions) != len(made):
        raise ContractError(f"{len(made)} tables of predictions", f"{len(predictions)}")
    rows = []
    for index, split in enumerate(made):
        train, test = (_positions(adata, side) for side in split)
        found = split_findings(adata, train, test, patch_microns, patch_px)
        if predictions is not None:
            table = predictions[index]
            found += audit_predictions(adata, table, train, **facts).to_dict("records")
        name = split.name if isinstance(split, Split) else f"split {index + 1}"
        rows += [{"split": name, **row} for row in _complete(found)]
    return pd.DataFrame(rows)


def _complete(found: list[Finding]) -> list[Finding]:
    """One row per flag: the worst of what was found, unknown where nothing was."""
    # The split may be known to be clean where the steps of the fit are not.
    rank = {UNKNOWN: 0, CLEAN: 1, LEAK: 2}
    rows = []
    for flag, leak in FLAGS.items():
        mine = [row for row in found if row["flag"] == flag]
        nothing = {"flag": flag, "leak": leak, "status": UNKNOWN, "value": np.nan}
        nothing["detail"] = "no predictions handed over"
        rows.append(max(mine, key=lambda row: rank[row["status"]], default=nothing))
    return rows


def audit_predictions(
    adata: AnnData,
    prediction: pd.DataFrame,
    train: Spots,
    *,
    truth: pd.DataFrame | None = None,
    fitted_on: Mapping[str, Spots] | None = None,
    inputs: np.ndarray | None = None,
    reported: float | None = None,
    reported_genes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Compute the leaks that a table of predictions shows, also someone else's.

    Parameters
    ----------
    prediction
        Data frame, test spots x genes, both named as in ``adata``.
    train
        Training spots: names, positions or a mask.
    truth
        What it was scored against, in the shape of ``prediction``; default log1p of
        counts per 10,000 over all genes.
    fitted_on
        Step -> spots it saw: ``training``, ``validation``, ``checkpoint``,
        ``early_stopping``, ``normalisation``, ``target``, ``scaler``, ``batch``.
    inputs
        (n_test, d) what the model was given for the test spots.
    reported
        Published score; the definition it agrees with is looked for.
    reported_genes
        Genes that score is over, where they are a selection.

    Returns
    -------
    One row per flag c-j, l and n: ``flag``, ``leak``, ``status``, ``value``,
    ``detail``.

    Raises
    ------
    ContractError
        When spots or genes are not those of ``adata``, or shapes differ.
    """
    table = table_of(adata, prediction, _positions(adata, train))
    known = None if truth is None else _like(prediction, truth)
    seen = {step: _positions(adata, s) for step, s in (fitted_on or {}).items()}
    if inputs is not None and len(inputs) != len(prediction):
        raise ContractError(f"inputs of {len(prediction)} spots", f"{len(inputs)}")
    picked = None
    if reported_genes is not None:
        picked = prediction.columns.get_indexer(list(reported_genes)).tolist()
        if not picked or min(picked) < 0:
            raise ContractError(
                "reported genes among those predicted",
                "absent genes",
                prediction.columns,
            )
    return pd.DataFrame(
        [
            target.chosen_genes(table),
            target.normalised(table, known, seen),
            target.smoothed(table, known),
            target.checkpoint(table, seen),
            *score_findings(table, known, reported, picked),
            target.target_as_input(table, known, inputs),
            target.inside_training(table, seen),
        ]
    )


def _positions(adata: AnnData, spots: Spots) -> np.ndarray:
    array = np.asarray(spots)
    if array.dtype.kind == "b" and len(array) == adata.n_obs:
        return np.flatnonzero(array)
    if array.dtype.kind in "iu" or not array.size:
        if array.size and not 0 <= array.min() <= array.max() < adata.n_obs:
            found = f"from {array.min()} to {array.max()}"
            raise ContractError(f"positions from 0 to {adata.n_obs - 1}", found)
        return array.astype(int)
    places = adata.obs_names.get_indexer(array)
    if (places < 0).any():
        absent = list(array[places < 0][:3])
        raise ContractError("spots of the object", f"absent: {absent}", adata.obs_names)
    return places


def _like(prediction: pd.DataFrame, truth: pd.DataFrame) -> np.ndarray:
    aligned = truth.reindex(index=prediction.index, columns=prediction.columns)
    values = aligned.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise ContractError(
            "a truth for every predicted spot and gene", f"shape {truth.shape}"
        )
    return values
