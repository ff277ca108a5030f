"""Is a section like those a model was trained on? Answered from the image alone.

Standardised features have the same means and spreads everywhere, but the way they go
together is a fingerprint of tissue, stain and scale: where nuclei crowd, is the stroma
darker, the texture coarser? A section whose correlations among features differ from
those of training is out of scope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import contract, keys
from histobridge.images.features import morphology_columns

if TYPE_CHECKING:
    from anndata import AnnData

IN_SCOPE = 0.95
"""Least agreement with training; dev/benchmarks/results/scope.csv shows why."""

MOST_COLUMNS = 150
"""Columns of an encoder that are compared, evenly spaced where it has more."""

FEWEST = 20
"""Spots of a section from which correlations are taken."""


def fingerprint(adata: AnnData, spots: np.ndarray) -> dict[str, Any] | None:
    """How features go together over ``spots``: within sections, averaged over them.

    Returns
    -------
    ``values``, correlations among features, and their ``reliability``, from random
    halves of the spots (Spearman-Brown). None where there are no features, or too
    few spots in every section.
    """
    if keys.MORPHOLOGY not in adata.obsm:
        return None
    names = contract.section_names(adata).to_numpy()[spots]
    order = np.random.default_rng(0).permutation(len(spots))
    found: dict[str, list[np.ndarray]] = {"values": [], "even": [], "odd": []}
    sizes = []
    for name in np.unique(names):
        own = spots[order[names[order] == name]]
        if len(own) < FEWEST:
            continue
        sizes.append(len(own))
        for part, rows in zip(found, (own, own[::2], own[1::2]), strict=True):
            found[part].append(_correlations(adata, rows))
    if not sizes:
        return None
    values, even, odd = (
        np.average(part, axis=0, weights=sizes) for part in found.values()
    )
    halves = max(float(np.corrcoef(even, odd)[0, 1]), 0.0)
    return {"values": values, "reliability": 2 * halves / (1 + halves)}


def agreement(known: dict[str, Any], adata: AnnData) -> dict[str, float]:
    """Section -> correlation of its fingerprint with the one of training.

    Corrected for attenuation by both reliabilities (Spearman 1904), so that a small
    section is not called foreign for its noise. NaN for fewer than 20 spots.
    """
    return {
        name: _alike(known, fingerprint(adata, spots))
        for name, spots in contract.sections(adata).items()
    }


def _alike(known: dict[str, Any], own: dict[str, Any] | None) -> float:
    if own is None or own["values"].shape != known["values"].shape:
        return float("nan")
    noise = np.sqrt(known["reliability"] * own["reliability"])
    raw = np.corrcoef(known["values"], own["values"])[0, 1]
    return float(min(raw / noise, 1.0)) if noise > 0 else float("nan")


def _correlations(adata: AnnData, spots: np.ndarray) -> np.ndarray:
    features = np.asarray(adata.obsm[keys.MORPHOLOGY])[spots]
    blocks = []
    for columns in morphology_columns(adata).values():
        most = min(len(columns), MOST_COLUMNS)
        chosen = columns[np.linspace(0, len(columns) - 1, most).astype(int)]
        own = features[:, chosen].astype(float)
        own -= own.mean(axis=0)
        spread = np.sqrt((own**2).sum(axis=0))
        own /= np.where(spread > 0, spread, 1.0)
        blocks.append((own.T @ own)[np.triu_indices(most, 1)])
    return np.concatenate(blocks)
