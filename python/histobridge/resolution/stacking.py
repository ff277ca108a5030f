"""Several answers to one problem, weighed gene by gene on spots that were left out.

Wolpert 1992 (Neural Networks 5:241): every answer is fitted without a part of the
spots and predicts them; the weights, none negative and summing to 1, are those of
least squared error. A gene alone says little, so its weights are drawn towards those
of all genes together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np

from histobridge.resolution.problem import Problem

Answers = Callable[[Problem], Iterable[np.ndarray]]

FOLDS = 5
_SHRINKAGE = 0.3
"""Weight of the common answer, in units of the evidence of all spots."""


def left_out(problem: Problem, answers: Answers, folds: np.ndarray) -> np.ndarray:
    """Counts per point (answers, n_spots, n_genes) of spots that were not seen.

    Parameters
    ----------
    answers
        Problem -> values (n_points, n_genes) of every answer.
    folds
        (n_spots,) part that each spot is left out with.
    """
    inside = np.unique(problem.member.indices)
    found: list[np.ndarray] = []
    for fold in np.unique(folds):
        hidden = np.flatnonzero(folds == fold)
        member = problem.member[hidden][:, inside]
        held = problem.held[hidden][:, None]
        seen = part(problem, np.flatnonzero(folds != fold), inside)
        for i, values in enumerate(answers(seen)):
            if i == len(found):
                found.append(np.zeros(problem.counts.shape))
            found[i][hidden] = np.asarray(member @ values) / held
    return np.stack(found)


def part(problem: Problem, spots: np.ndarray, points: np.ndarray) -> Problem:
    """The problem of some spots and points only."""
    features = problem.features
    return dataclasses.replace(
        problem,
        counts=problem.counts[spots],
        spots=problem.spots[spots],
        points=problem.points[points],
        member=problem.member[spots][:, points],
        features=None if features is None else features[points],
    )


def scattered_folds(n: int, seed: int, folds: int = FOLDS) -> np.ndarray:
    """Fold (n,) of every spot, at random.

    A gap is nearer to spots than any left-out spot is; whole blocks would leave out
    spots that are further still, and speak for the image where position knows more.
    """
    return np.random.default_rng(seed).permutation(n) % folds


def pooled_weights(guesses: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Weights (answers,) of all genes together, each in units of its spread."""
    gram, cross = _moments(guesses, truth)
    return _on_simplex(gram.sum(axis=0), cross.sum(axis=0))


def gene_weights(
    guesses: np.ndarray, truth: np.ndarray, common: np.ndarray
) -> np.ndarray:
    """Weights (answers, n_genes), drawn towards ``common``.

    Parameters
    ----------
    guesses
        (answers, n_spots, n_genes), as of ``left_out``.
    truth
        (n_spots, n_genes).
    """
    gram, cross = _moments(guesses, truth)
    prior = _SHRINKAGE * len(truth)
    gram += prior * np.eye(len(common))
    cross += prior * common
    pairs = zip(gram, cross, strict=True)
    return np.stack([_on_simplex(g, c) for g, c in pairs], axis=1)


def _moments(guesses: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Products among answers (n_genes, a, a), and with the truth (n_genes, a)."""
    spread = np.maximum(truth.std(axis=0), 1e-12)
    # Weights sum to 1, so that any shift of answers and truth alike is free.
    centre = truth.mean(axis=0)
    own, wanted = (guesses - centre) / spread, (truth - centre) / spread
    gram = np.einsum("ang,bng->gab", own, own)
    return gram, np.einsum("ang,ng->ga", own, wanted)


def _on_simplex(gram: np.ndarray, cross: np.ndarray) -> np.ndarray:
    """Minimum of ``w' gram w - 2 w' cross`` over weights that sum to 1."""
    from scipy.optimize import nnls

    size = max(float(np.trace(gram)), 1e-12)
    gram = gram + 1e3 * size + 1e-9 * size * np.eye(len(gram))
    root = np.linalg.cholesky(gram)
    weights, _ = nnls(root.T, np.linalg.solve(root, cross + 1e3 * size))
    return weights / weights.sum()
