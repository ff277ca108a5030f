"""Exact attribution of linear models: what every feature adds to a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import pandas as pd

from histobridge import keys
from histobridge.graphs import section_codes
from histobridge.images.features import (
    feature_names,
    morphology_columns,
    spot_features,
)
from histobridge.translation.agreement import Believed
from histobridge.translation.composite import Average
from histobridge.translation.ridge import ViewRidge
from histobridge.translation.sampling_depth import SamplingDepth
from histobridge.translation.systems.hest_ridge import ComponentRidge

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.translation.base import Translator

REST = "not linear"


class _Centred(Protocol):
    mean_: np.ndarray


@dataclass(frozen=True)
class Block:
    """Features of one view: ``values @ slope`` is what they add.

    Attributes
    ----------
    columns
        Positions in ``obsm["morphology"]``.
    neighbours
        Mean over so many nearest spots; 1 is the spot itself.
    slope, centre
        (len(columns),) per standardised feature, and where it adds nothing.
    """

    columns: np.ndarray
    neighbours: int
    slope: np.ndarray
    centre: np.ndarray


def linear_members(
    model: Translator,
) -> list[tuple[float, ViewRidge | ComponentRidge]]:
    """Linear parts of a model with their weights; none where it has none."""
    if isinstance(model, ViewRidge | ComponentRidge):
        return [(1.0, model)]
    if isinstance(model, SamplingDepth):
        return linear_members(model.members[1])
    if isinstance(model, Believed):
        return linear_members(model.members[0])
    if isinstance(model, Average):
        share = 1 / len(model.members)
        return [
            (share * w, part) for m in model.members for w, part in linear_members(m)
        ]
    return []


def blocks(model: Translator, adata: AnnData, weights: np.ndarray) -> list[Block]:
    """Linear parts of ``model`` for the target ``weights`` (n_genes,)."""
    found = []
    for share, member in linear_members(model):
        slope = share * member.coefficients_ @ _scores_of(member, weights)
        if isinstance(member, ComponentRidge):
            mean, axes = member.axes_
            columns = np.arange(len(mean))
            found.append(Block(columns, 1, axes @ slope, mean))
            continue
        start = 0
        for (view, columns), scale, kept in zip(
            member._present(adata), member.scales_, member.axes_, strict=True
        ):
            axes = np.eye(len(columns)) if kept is None else kept
            for k in view.neighbours:
                part = slice(start, start + axes.shape[1])
                # Directions are orthonormal, so the centre goes back as it came.
                centre = axes @ (member.centre_[part] / scale)
                found.append(Block(columns, k, axes @ slope[part] * scale, centre))
                start += axes.shape[1]
    return found


def contributions(
    model: Translator, adata: AnnData, spots: np.ndarray, weights: np.ndarray
) -> pd.DataFrame:
    """What every feature adds to the prediction of every spot, above the mean.

    Returns
    -------
    One row per spot and feature: ``spot``, ``encoder``, ``feature``, ``neighbours``
    (1 is the spot itself, k the mean over so many), ``value``. The values of a spot
    sum to its prediction minus that of the average training spot. What a model
    holds beside its linear part is one row, encoder ``not linear``.
    """
    names = np.array(feature_names(adata))
    origin = np.empty(len(names), dtype=object)
    for encoder, columns in morphology_columns(adata).items():
        origin[columns] = encoder
    parts, total = [], np.zeros(len(spots))
    for block in blocks(model, adata, weights):
        x = spot_features(adata, block.columns, (block.neighbours,))[spots]
        values = (x - block.centre) * block.slope
        total += values.sum(axis=1)
        parts.append(
            pd.DataFrame(
                {
                    "spot": np.repeat(adata.obs_names[spots], len(block.columns)),
                    "encoder": np.tile(origin[block.columns], len(spots)),
                    "feature": np.tile(names[block.columns], len(spots)),
                    "neighbours": block.neighbours,
                    "value": values.ravel(),
                }
            )
        )
    above = model.predict(adata, spots) @ weights - training_mean(model, weights)
    rest = pd.DataFrame({"spot": adata.obs_names[spots], "encoder": REST})
    rest = rest.assign(feature="", neighbours=1, value=above - total)
    whole = pd.concat([*parts, rest] if _has_rest(model) else parts)
    return whole.reset_index(drop=True)


def training_mean(model: Translator, weights: np.ndarray) -> float:
    """Target of the average training spot: where linear attributions start."""
    if isinstance(model, Average):
        return float(np.mean([training_mean(m, weights) for m in model.members]))
    if isinstance(model, ComponentRidge):
        return float(model.intercept_ @ weights)
    start = float(cast("_Centred", model).mean_ @ weights)
    if isinstance(model, ViewRidge):
        start += float(model.intercept_ @ _scores_of(model, weights))
    return start


def _scores_of(member: Translator, weights: np.ndarray) -> np.ndarray:
    """Weights of the components of expression that a ridge predicts."""
    axes = getattr(member, "gene_axes_", None)
    return weights if axes is None else axes.T @ weights


def slope_of_own(
    model: Translator, adata: AnnData, spots: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Change (n, n_features) of the target per unit of a spot's own raw features.

    The scale within the section is held.
    """
    raw = np.asarray(adata.obsm[keys.MORPHOLOGY], dtype=float)
    slope = np.zeros((adata.n_obs, raw.shape[1]))
    for block in blocks(model, adata, weights):
        slope[:, block.columns] += block.slope / block.neighbours
    sections = section_codes(adata)
    unit = np.ones(slope.shape)
    for section in np.unique(sections):
        at = sections == section
        spread = raw[at].std(axis=0)
        unit[at] = 1 / np.where(spread > 1e-8, spread, 1.0)
    return (slope * unit)[spots]


def _has_rest(model: Translator) -> bool:
    if isinstance(model, SamplingDepth | Believed):
        return True
    return isinstance(model, Average) and len(linear_members(model)) < len(
        model.members
    )
