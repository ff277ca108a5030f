"""The house super-resolution: what it believes is what left-out spots tell."""

import numpy as np
import pytest
import scipy.sparse as sp

from histobridge import registry
from histobridge.normalisation import pearson_columns
from histobridge.resolution.problem import Problem
from histobridge.resolution.stacking import (
    gene_weights,
    left_out,
    pooled_weights,
    scattered_folds,
)


def planted(shared, n=60, genes=12, seed=0):
    """Points on a grid, a third of them spots, expression from image or place."""
    rng = np.random.default_rng(seed)
    side = 3 * int(np.sqrt(n))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    tokens = rng.standard_normal((len(grid), 4))
    smooth = np.sin(grid @ rng.normal(0, 0.25, (2, genes)))
    rate = np.exp(
        2 + shared * tokens @ rng.normal(0, 0.5, (4, genes)) + (1 - shared) * smooth
    )
    counts = rng.poisson(rate).astype(float)
    own = np.flatnonzero((grid % 3 == 1).all(axis=1))
    member = sp.csr_matrix(
        (np.ones(len(own)), (np.arange(len(own)), own)), (len(own), len(grid))
    )
    points = 10.0 * grid
    found = Problem(sp.csr_matrix(counts[own]), points[own], points, member, tokens)
    return found, rate, np.setdiff1d(np.arange(len(grid)), own)


@pytest.mark.parametrize("shared", [0.0, 1.0])
def test_the_house_default_follows_whichever_of_image_and_place_tells(shared):
    problem, rate, gap = planted(shared)
    house = registry.find("regression_kriging", "resolution").create()
    score = pearson_columns(house.fit_predict(problem)[gap], rate[gap]).mean()
    assert (house.weights_ >= 0).all()
    np.testing.assert_allclose(house.weights_.sum(axis=0), 1)
    rivals = {}
    for rival in ("nearest", "bilinear", "inverse_distance", "image_only"):
        other = registry.find(rival, "resolution").create().fit_predict(problem)
        rivals[rival] = pearson_columns(other[gap], rate[gap]).mean()
    assert score > max(rivals.values()) - 0.01
    useless = "inverse_distance" if shared else "image_only"
    assert score > rivals[useless] + 0.3


def test_weights_are_those_of_least_squares_on_the_simplex():
    rng = np.random.default_rng(0)
    guesses = rng.standard_normal((3, 200, 2))
    mixed = np.einsum("a,ang->ng", [0.7, 0.3, 0.0], guesses)
    weights = pooled_weights(guesses, mixed)
    np.testing.assert_allclose(weights, [0.7, 0.3, 0.0], atol=0.01)
    # One gene alone is drawn towards what all genes have in common.
    truth = np.stack([guesses[0, :, 0], guesses[2, :, 1]], axis=1)
    apart = gene_weights(guesses, truth, np.full(3, 1 / 3))
    assert apart[0, 0] > 0.6 > 1 / 3 > apart[1, 0]
    assert apart[2, 1] > 0.6


def test_left_out_spots_are_not_seen():
    problem, *_ = planted(0.5)
    folds = scattered_folds(len(problem.spots), 0)
    assert np.ptp(np.bincount(folds)) <= 1
    seen = []

    def answers(part):
        seen.append({tuple(place) for place in part.spots})
        yield np.ones((len(part.points), part.counts.shape[1]))

    left_out(problem, answers, folds)
    hidden = [{tuple(p) for p in problem.spots[folds == f]} for f in range(5)]
    assert all(not known & gone for known, gone in zip(seen, hidden, strict=True))
