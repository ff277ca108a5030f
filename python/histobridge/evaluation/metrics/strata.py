"""Scores by groups of genes: autocorrelation, expression, housekeeping."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

HOUSEKEEPING = {
    "human": (
        "C1orf43", "CHMP2A", "EMC7", "GPI", "PSMB2", "PSMB4", "RAB7A", "REEP5",
        "SNRPD3", "VCP", "VPS29",
    ),
    "mouse": (
        "4933434E20Rik", "Chmp2a", "Emc7", "Gpi1", "Psmb2", "Psmb4", "Rab7", "Reep5",
        "Snrpd3", "Vcp", "Vps29",
    ),
}  # fmt: skip
"""Eleven genes of even expression in all tissues (Eisenberg and Levanon 2013, Trends
Genet 29:569) and their mouse orthologues."""


def is_housekeeping(genes: Sequence[str]) -> np.ndarray:
    """Which symbols are on the list, of either species, (genes,)."""
    return np.isin(np.asarray(genes, dtype=str), sum(HOUSEKEEPING.values(), ()))


def by_decile(scores: np.ndarray, by: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Mean score in equal groups of genes ranked by e.g. Moran's I or expression.

    Returns
    -------
    One row per group, lowest first: ``group``, ``low`` and ``high`` of ``by``,
    ``mean`` and ``n``. Fewer groups where there are fewer genes.
    """
    rank = np.argsort(np.argsort(by, kind="stable"), kind="stable")
    group = rank * min(bins, len(by)) // len(by)
    frame = pd.DataFrame({"group": group + 1, "by": by, "score": scores})
    parts = frame.groupby("group")
    return parts.agg(
        low=("by", "min"),
        high=("by", "max"),
        mean=("score", "mean"),
        n=("score", "size"),
    ).reset_index()


def by_stratum(
    scores: np.ndarray, genes: Sequence[str], moran: np.ndarray, expression: np.ndarray
) -> pd.DataFrame:
    """Mean score by decile of Moran's I, by decile of expression, for housekeeping.

    A housekeeping gene whose Moran's I is in the upper half of all genes follows
    depth or density rather than tissue: such genes stand in a row of their own.

    Parameters
    ----------
    scores, moran, expression
        (genes,) score, Moran's I and mean expression of the truth.
    genes
        Their symbols.

    Returns
    -------
    ``stratum``, ``group``, ``low``, ``high``, ``mean`` and ``n``; ``low`` and
    ``high`` are of Moran's I where the stratum is housekeeping.
    """
    parts = {"moran": moran, "expression": expression}
    tables = [by_decile(scores, v).assign(stratum=k) for k, v in parts.items()]
    listed = is_housekeeping(genes)
    patterned = moran > np.median(moran)
    for name, chosen in (
        ("listed", listed & ~patterned),
        ("listed, high Moran's I", listed & patterned),
        ("not listed", ~listed),
    ):
        if chosen.any():
            row = {"group": name, "low": moran[chosen].min()}
            row |= {"high": moran[chosen].max(), "mean": scores[chosen].mean()}
            row |= {"n": int(chosen.sum()), "stratum": "housekeeping"}
            tables.append(pd.DataFrame([row]))
    columns = ["stratum", "group", "low", "high", "mean", "n"]
    return pd.concat(tables, ignore_index=True)[columns]
