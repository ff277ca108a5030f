"""Leaks through genes, target and inputs: flags c, d, e, f, l and n."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import scipy.sparse as sp

from histobridge import graphs
from histobridge.evaluation.leaks import Finding, finding
from histobridge.evaluation.leaks_table import Table
from histobridge.normalisation import column_moments, log_normalise, pearson_columns

CHECKPOINT = ("checkpoint", "validation", "early_stopping")
FITTED = ("normalisation", "target", "scaler", "batch")


def chosen_genes(table: Table) -> Finding:
    """Flag c: which spots give this list when genes are ranked again.

    Rankings: mean and variance of log1p CP10k, and its variance within sections. A
    list that none of them gives (below .8) says nothing. A leak: test spots give the
    very list, or a tenth more of it than training spots do.
    """
    k = len(table.columns)
    if k == table.counts.shape[1]:
        return finding("c", False, 0, "every gene is predicted")
    normal, wanted = log_normalise(table.counts), set(table.columns.tolist())
    sides = {
        "training": table.train,
        "test": table.test,
        "all": np.union1d(table.train, table.test),
    }
    share = {}
    for side, spots in sides.items():
        ranked = rankings(normal[spots], table.all_sections[spots])
        tops = [set(np.argsort(-v, kind="stable")[:k].tolist()) for v in ranked]
        share[side] = max(len(wanted & top) / k for top in tops)
    best = max(share, key=lambda side: share[side])
    gain = share[best] - share["training"]
    detail = ", ".join(f"{v:.0%} the top of {side} spots" for side, v in share.items())
    if share[best] < 0.8:
        return finding("c", None, gain, f"a list that no ranking gives: {detail}")
    return finding("c", gain > 0.1 or (gain > 0 and share[best] == 1), gain, detail)


def rankings(normal: sp.csr_matrix, sections: np.ndarray) -> list[np.ndarray]:
    """Mean, variance and variance pooled within sections of every gene."""
    within = np.zeros(normal.shape[1])
    for section in np.unique(sections):
        rows = sections == section
        within += rows.mean() * column_moments(normal[rows])[1]
    return [*column_moments(normal), within]


def normalised(
    table: Table, truth: np.ndarray | None, fitted_on: Mapping[str, np.ndarray]
) -> Finding:
    """Flag d: test spots among those fitted on, or a truth that shows they were."""
    steps = {
        s: np.isin(table.test, fitted_on[s]).sum() for s in FITTED if s in fitted_on
    }
    seen = {step: int(n) for step, n in steps.items() if n}
    if seen:
        return finding("d", True, max(seen.values()), f"test spots in {seen}")
    if truth is not None:
        sign = signature(truth, table.sections)
        if sign:
            return finding("d", True, 1, sign)
        if np.allclose(truth, table.raw, atol=1e-3):
            return finding("d", False, 0, "truth is log1p CP10k of each spot alone")
    if steps:
        return finding("d", False, 0, f"no test spot in {sorted(steps)}")
    return finding("d", None, np.nan, "unknown what the normalisation was fitted on")


def signature(truth: np.ndarray, sections: np.ndarray) -> str:
    """What a truth (spots x genes) tells of its normalisation; empty: nothing."""
    groups = [
        np.arange(len(truth)),
        *(np.flatnonzero(sections == s) for s in set(sections)),
    ]
    for scale, back in (("log1p", np.expm1), ("log2", lambda t: 2**t - 1)):
        total = back(np.clip(truth, -30, 30)).sum(axis=1)
        if (
            truth.shape[1] > 1
            and total.mean() > 0
            and total.std() < 1e-3 * total.mean()
        ):
            return f"{scale} sizes of the predicted genes alone are equal: panel-only"
    for rows in groups:
        part = truth[rows][:, truth[rows].std(axis=0) > 0]
        if len(rows) < 3 or not part.size:
            continue
        flat = np.abs(part.mean(axis=0)) < 1e-3
        if (flat & (np.abs(part.std(axis=0) - 1) < 0.02)).mean() > 0.9:
            return "genes standardised over test spots"
        if (
            (part.min(axis=0) == 0) & (np.abs(part.max(axis=0) - 1) < 1e-6)
        ).mean() > 0.9:
            return "genes scaled to 0..1 over test spots"
    return ""


def smoothed(table: Table, truth: np.ndarray | None) -> Finding:
    """Flag e: whether the truth follows the neighbours where its own counts do not.

    A normalisation gives a spot what follows from its own count and depth (any curve
    up to a cubic is allowed for); smoothing and completion give it that of its
    surroundings. A leak: more than 1 % of the truth's variance is left, and that
    correlates above .3 with the mean of the six neighbours.
    """
    if truth is None:
        return finding("e", None, np.nan, "no truth handed over")
    if len(truth) < 20:
        return finding("e", None, np.nan, f"only {len(truth)} spots")
    graph = graphs.knn_graph(table.points, table.sections, 6)
    degree = np.maximum(np.asarray(graph.sum(axis=1)), 1)
    around = np.asarray(graph @ table.raw) / degree
    depth = np.log(np.maximum(table.depth, 1))
    left, right = np.empty_like(truth), np.empty_like(truth)
    for gene in range(truth.shape[1]):
        own = table.raw[:, gene]
        curve = np.column_stack([own, own**2, own**3, depth, own * depth])
        both = np.column_stack([truth[:, gene], around[:, gene]])
        spread = np.maximum(both.std(axis=0), 1e-12)
        left[:, gene], right[:, gene] = (residuals(both, curve) / spread).T
    share = float((left**2).mean())
    value = float(pearson_columns(left.reshape(-1, 1), right.reshape(-1, 1))[0])
    detail = (
        f"own counts and depth leave {share:.0%} of the truth, "
        f"r = {value:.2f} with the neighbours"
    )
    return finding("e", value > 0.3 and share > 0.01, value, detail)


def residuals(values: np.ndarray, design: np.ndarray) -> np.ndarray:
    """What a plane over ``design`` (n, d) does not explain of ``values`` (n, k)."""
    basis, _ = np.linalg.qr(np.column_stack([np.ones(len(design)), design]))
    return values - basis @ (basis.T @ values)


def checkpoint(table: Table, fitted_on: Mapping[str, np.ndarray]) -> Finding:
    """Flag f: test spots among those that chose the epoch or a parameter."""
    steps = {
        s: np.isin(table.test, fitted_on[s]).sum() for s in CHECKPOINT if s in fitted_on
    }
    if not steps:
        return finding("f", None, np.nan, "unknown which spots chose the checkpoint")
    worst = int(max(steps.values()))
    return finding("f", worst > 0, worst, f"{worst} test spots in {sorted(steps)}")


def inside_training(table: Table, fitted_on: Mapping[str, np.ndarray]) -> Finding:
    """Flag n: test spots in training, validation spots among those fitted on."""
    both = len(np.intersect1d(table.train, table.test))
    trained = fitted_on.get("training")
    if trained is not None:
        both += int(np.isin(table.test, trained).sum())
        both += len(np.intersect1d(trained, fitted_on.get("validation", [])))
    known = both > 0 or (trained is not None and "validation" in fitted_on)
    detail = f"{both} test or validation spots trained on"
    if not known:
        detail += "; unknown which spots were fitted on and validated on"
    return finding("n", both > 0 if known else None, both, detail)


def target_as_input(
    table: Table, truth: np.ndarray | None, inputs: np.ndarray | None
) -> Finding:
    """Flag l: columns of the inputs, else of the prediction, that are the target."""
    target = table.raw if truth is None else truth
    own = copies(table.prediction, target)
    if own:
        return finding("l", True, own, f"{own} genes predicted without any error")
    if inputs is None:
        return finding("l", None, 0, "inputs not handed over")
    if truth is not None and np.shares_memory(inputs, truth):
        return finding("l", True, inputs.shape[1], "inputs and truth share memory")
    found = max(copies(inputs, target), copies(inputs, table.raw))
    return finding("l", found > 0, found, f"{found} genes are a column of the inputs")


def copies(columns: np.ndarray, target: np.ndarray) -> int:
    """Genes of ``target`` that correlate above .9999 with one of ``columns``."""

    def scaled(x: np.ndarray) -> np.ndarray:
        x = x - x.mean(axis=0)
        norm = np.sqrt((x**2).sum(axis=0))
        return x[:, norm > 1e-9] / norm[norm > 1e-9]

    if len(target) < 5:
        return 0
    left, right = scaled(np.asarray(columns, dtype=float)), scaled(target)
    if not left.size or not right.size:
        return 0
    return int((np.abs(left.T @ right) > 0.9999).any(axis=0).sum())
