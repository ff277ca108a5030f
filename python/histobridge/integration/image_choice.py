"""Whether image features join the genes: only if they help to predict held-out genes.

Real stain features are smooth nuisances as much as they are tissue: appended unasked
they lower the accuracy of domains. So genes that no embedding has seen decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import contract, graphs
from histobridge.integration.embedding import (
    GraphSmoother,
    component_scores,
    graph_loadings,
)
from histobridge.normalisation import log_normalise, median_depth, variable_genes
from histobridge.splits import SpatialBlockKFold

if TYPE_CHECKING:
    from anndata import AnnData

WEIGHTS = (0.0, 0.25, 0.5, 1.0)
COMPONENTS = 10
GENE_FOLDS = 5
ACROSS = 5
"""Blocks along the longer side of a section, and folds that they are dealt to."""

LEAST_BLOCKS = 8
RIDGES = tuple(10.0**power for power in range(-3, 3))
"""Penalties of the linear map, as multiples of the mean variance of the genes."""


@dataclass(frozen=True)
class ImageChoice:
    """Weight chosen for the image, and the evidence at every weight tried.

    ``error`` is the squared error of genes held out, as a share of their variance;
    ``gain`` what it is lower than without the image, ``standard_error`` that of the
    gain over spatial blocks.
    """

    weight: float
    error: dict[float, float]
    gain: dict[float, float]
    standard_error: dict[float, float]

    def facts(self) -> dict[str, Any]:
        """What the verbs record."""
        used = "used" if self.weight else "left out: does not help to predict genes"
        columns = {
            name: list(getattr(self, name).values())
            for name in ("error", "gain", "standard_error")
        }
        evidence = {"weight": list(self.error), **columns}
        return {"image": used, "image_weight": self.weight, "image_evidence": evidence}


def with_image(scores: np.ndarray, image: np.ndarray, weight: float) -> np.ndarray:
    """Genes (n, d) beside an image (n, e) of ``weight ** 2`` times their variance."""
    return np.hstack([scores, weight * _unit(scores, image) * image])


def _unit(scores: np.ndarray, image: np.ndarray) -> float:
    """Factor that gives the image as much variance as the genes."""
    return np.sqrt(scores.var(axis=0).sum() / max(image.var(axis=0).sum(), 1e-12))


def choose_image_weight(
    adata: AnnData,
    image: np.ndarray,
    smoother: GraphSmoother,
    strength: float,
    *,
    size: int,
    genes: int = 2000,
    components: int = 40,
    seed: int = 0,
) -> ImageChoice:
    """Weight at which graph components best predict genes that they do not hold.

    Each fifth of the genes is hidden in turn; components of the others and of the
    image predict it by a linear map fitted in other parts of the tissue, so that a
    feature which merely says where a spot lies gains nothing. Of the weights whose
    error is within one standard error (of the difference, over spatial blocks) of
    the least, the smallest wins: the image has to earn its place.

    Parameters
    ----------
    adata
        Spots that decide, those of ``smoother``.
    image
        (n_spots, e) components of the image features.
    strength
        Smoothing of the components.
    size
        Components kept, whatever they are made of.
    genes, components
        Variable genes, and principal components of them.
    """
    blocks, folds = _blocks(adata, seed)
    if len(np.unique(blocks)) < LEAST_BLOCKS:
        none = dict.fromkeys(WEIGHTS, float("nan"))
        return ImageChoice(0.0, none, none, none)
    counts = contract.counts(adata)
    matrix = log_normalise(counts, median_depth(counts))
    matrix = matrix[:, np.sort(variable_genes(matrix, genes))].tocsc()
    fold = np.random.default_rng(seed).permutation(matrix.shape[1]) % GENE_FOLDS
    smooth_image = smoother(image, strength)
    error, total = np.zeros((len(WEIGHTS), len(RIDGES), adata.n_obs)), 0.0
    for number in range(min(GENE_FOLDS, matrix.shape[1])):
        scores = component_scores(matrix[:, fold != number].tocsr(), components)
        scores = _centred(scores, adata)
        hidden = _centred(matrix[:, fold == number].toarray(), adata)
        total += float((hidden**2).sum())
        smooth = smoother(scores, strength)
        unit = _unit(scores, image)
        for row, weight in enumerate(WEIGHTS):
            joint = np.hstack([scores, weight * unit * image])
            z = np.hstack([smooth, weight * unit * smooth_image])
            z = z @ graph_loadings(joint, z, size)
            error[row] += _errors(z, hidden, folds, float((smooth**2).mean()))
    # Every weight at the penalty that suits it: else whatever takes the place of
    # noisy genes would look like help.
    best = error.sum(axis=2).argmin(axis=1)
    error = error[np.arange(len(WEIGHTS)), best]
    return _chosen(error, blocks, max(total, 1e-12))


def _blocks(adata: AnnData, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Block and fold of every spot; large blocks: smooth fields agree by chance."""
    points = graphs.positions_microns(adata)
    widest = max(
        np.ptp(points[spots], axis=0).max()
        for spots in contract.sections(adata).values()
    )
    side = max(widest / ACROSS, 1e-9)
    splitter = SpatialBlockKFold(
        ACROSS, block_microns=side, buffer_microns=0.0, seed=seed
    )
    return splitter.blocks(adata), splitter.folds(adata)


def _centred(values: np.ndarray, adata: AnnData) -> np.ndarray:
    for spots in contract.sections(adata).values():
        values[spots] -= values[spots].mean(axis=0)
    return values


def _errors(
    z: np.ndarray, target: np.ndarray, folds: np.ndarray, level: float
) -> np.ndarray:
    """Squared error (penalties, n) of spots predicted from those of other folds."""
    error = np.zeros((len(RIDGES), len(z)))
    for fold in np.unique(folds):
        test, train = folds == fold, folds != fold
        values, axes = np.linalg.eigh(z[train].T @ z[train] / train.sum())
        shown = axes.T @ (z[train].T @ target[train]) / train.sum()
        for row, ridge in enumerate(RIDGES):
            slope = shown / (np.maximum(values, 0) + ridge * level)[:, None]
            residual = target[test] - (z[test] @ axes) @ slope
            error[row, test] = (residual**2).sum(axis=1)
    return error


def _chosen(error: np.ndarray, blocks: np.ndarray, total: float) -> ImageChoice:
    """Smallest weight within one standard error of the least error (weights, n)."""
    _, block = np.unique(blocks, return_inverse=True)
    size = np.bincount(block)
    inside = np.array([np.bincount(block, weights=row) for row in error])
    best = inside[inside.sum(axis=1).argmin()]

    def compared(other: np.ndarray, one: np.ndarray) -> tuple[float, float]:
        """How much larger the error of ``other`` is, and the standard error of that."""
        more = other - one
        rest = more - more.sum() * size / size.sum()
        n = len(size)
        return more.sum() / total, np.sqrt((rest**2).sum() * n / (n - 1)) / total

    worse = [compared(row, best) for row in inside]
    index = next(i for i, (more, spread) in enumerate(worse) if more <= spread)
    gains = [compared(inside[0], row) for row in inside]
    return ImageChoice(
        WEIGHTS[index],
        dict(zip(WEIGHTS, (inside.sum(axis=1) / total).tolist(), strict=True)),
        {w: float(gain) for w, (gain, _) in zip(WEIGHTS, gains, strict=True)},
        {w: float(se) for w, (_, se) in zip(WEIGHTS, gains, strict=True)},
    )
