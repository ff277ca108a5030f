"""From scores per section to a table: sections, then patients, with bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import contract, keys
from histobridge.evaluation.result import ALL, interval, tidy

if TYPE_CHECKING:
    from anndata import AnnData


def collect(
    scores: list[dict[str, Any]], adata: AnnData, dataset: str, seed: int
) -> pd.DataFrame:
    """Average sections within patients, then patients; bounds from replicates."""
    patients = dict(
        zip(
            contract.section_names(adata),
            adata.obs[keys.PATIENT].astype(str)
            if keys.PATIENT in adata.obs
            else contract.section_names(adata),
            strict=True,
        )
    )
    frame = pd.DataFrame(scores)
    rows = []
    by = ["system", "status", "protocol", "metric"]
    for names, group in frame.groupby(by, sort=False):
        facts = dict(zip(by, names, strict=True)) | {"dataset": dataset}
        parts = [(fold, part) for fold, part in group.groupby("fold", sort=False)]
        if len(parts) > 1 or len(group) > 1:
            parts.append((ALL, group))
        else:
            rows.append({**facts, **_row(group, patients, seed), "fold": ALL})
        for fold, part in parts:
            rows.append({**facts, **_row(part, patients, seed), "fold": fold})
    return tidy(rows)


def _row(part: pd.DataFrame, patients: dict[str, str], seed: int) -> dict[str, Any]:
    owner = part["section"].map(patients).to_numpy()
    value, replicates = [], []
    for patient in dict.fromkeys(owner):
        mine = part[owner == patient]
        value.append(mine["value"].mean())
        if all(r.size for r in mine["replicates"]):
            replicates.append(np.mean(list(mine["replicates"]), axis=0))
    together = np.empty(0)
    if replicates:
        stacked = np.stack(replicates)
        if len(stacked) >= 3:
            rng = np.random.default_rng(seed)
            drawn = rng.integers(len(stacked), size=stacked.shape)
            stacked = np.take_along_axis(stacked, drawn, axis=0)
        together = stacked.mean(axis=0)
    low, high = interval(together, float(np.mean(value)))
    return {
        "value": float(np.mean(value)),
        "lower": low,
        "upper": high,
        "n": int(part["n"].sum()),
        "seconds": float(part.drop_duplicates("fold")["seconds"].sum()),
        "peak_mb": float(part["peak_mb"].max()),
    }
