"""Leaks through the way a score is made: flags g, h, i and j."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from histobridge.evaluation import metrics
from histobridge.evaluation.leaks import Finding, finding
from histobridge.evaluation.leaks_table import Table
from histobridge.normalisation import column_moments, log_normalise, pearson_columns

SAME = 0.005
"""A reported score this near to a definition is taken to be made by it."""


def per_gene(table: Table, truth: np.ndarray) -> np.ndarray:
    """Pearson per gene within sections, averaged over sections, (genes,)."""
    parts = [table.sections == s for s in np.unique(table.sections)]
    return np.mean(
        [pearson_columns(table.prediction[p], truth[p]) for p in parts], axis=0
    )


def definitions(table: Table, truth: np.ndarray) -> dict[str, float]:
    """Every way in which the field makes one number of a prediction."""
    genes = per_gene(table, truth)
    parts = [table.sections == s for s in np.unique(table.sections)]
    partial = [
        metrics.partial_pearson(table.prediction[p], truth[p], table.depth[p]).mean()
        for p in parts
    ]
    top = np.sort(genes)[::-1]
    return {
        "headline": float(genes.mean()),
        "g": float(top[: max(1, min(50, len(top) // 2))].mean()),
        "h": float(pearson_columns(table.prediction, truth).mean()),
        "pooled": metrics.pooled_pearson(table.prediction, truth),
        "i": metrics.spot_pearson(table.prediction, truth),
        "j": float(np.mean(partial)),
    }


def score_findings(
    table: Table,
    truth: np.ndarray | None,
    reported: float | None,
    reported_genes: Sequence[int] | None,
) -> list[Finding]:
    """Flags g, h, i (from what is reported) and j (always).

    ``value`` is what the definition adds to the headline; of j what is left of it
    once depth is removed.
    """
    truth = table.raw if truth is None else truth
    ways = definitions(table, truth)
    base = ways["headline"]
    rows = [picked_genes(table, truth, reported, reported_genes, ways)]
    for flag, names in (("h", ("h", "pooled")), ("i", ("i",))):
        gain = max(ways[name] for name in names) - base
        text = f"adds {gain:+.3f} to the headline {base:.3f}"
        made = None
        if reported is not None:
            made = any(_made_by(reported, ways[n], base) for n in names)
        rows.append(finding(flag, made, gain, text))
    explained = base > 0.05 and ways["j"] < base / 2
    text = f"{ways['j']:.3f} of {base:.3f} left once depth is removed"
    return [*rows, finding("j", explained, ways["j"], text)]


def _made_by(reported: float, way: float, headline: float) -> bool:
    near = abs(reported - way) < SAME
    return near and abs(reported - way) < abs(reported - headline) - SAME / 5


def picked_genes(
    table: Table,
    truth: np.ndarray,
    reported: float | None,
    genes: Sequence[int] | None,
    ways: dict[str, float],
) -> Finding:
    """Flag g: whether the reported genes top a ranking of test, none of training."""
    if genes is None:
        gain = ways["g"] - ways["headline"]
        made = None
        if reported is not None:
            made = _made_by(reported, ways["g"], ways["headline"])
        return finding("g", made, gain, f"the best genes by test score add {gain:+.3f}")
    k = len(genes)
    normal = log_normalise(table.counts)[:, table.columns]
    here, there = (
        column_moments(normal[table.test]),
        column_moments(normal[table.train]),
    )
    rankings = {
        "test score": per_gene(table, truth),
        "test mean": here[0],
        "test variance": here[1],
        "training mean": there[0],
        "training variance": there[1],
    }
    share = {
        name: len(set(np.argsort(-v, kind="stable")[:k]) & set(genes)) / k
        for name, v in rankings.items()
    }
    best = max(share, key=lambda name: share[name])
    known = max(v for name, v in share.items() if name.startswith("training"))
    gain = share[best] - known
    detail = f"{share[best]:.0%} are the top by {best}, {known:.0%} by training"
    return finding("g", bool(gain > 0 and share[best] >= 0.8), gain, detail)
