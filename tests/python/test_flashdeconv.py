"""flashdeconv smooths as much as the tissue allows, whatever its size."""

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.data.simulate_counts import type_names, type_profiles
from histobridge.evaluation import metrics

TYPES, GENES, SIDE = 8, 400, 24


def mixture(*, smooth: bool, depth: float = 400, seed: int = 0, side: int = SIDE):
    """Spots whose neighbours are alike, or are strangers; and their reference."""
    rng = np.random.default_rng(seed)
    profiles, _ = type_profiles(seed, GENES, TYPES)
    names = type_names(TYPES)
    points = np.stack(np.divmod(np.arange(side**2), side), axis=1).astype(float)
    if smooth:
        waves = rng.normal(0, 0.2, (2, TYPES))
        field = np.cos(points @ waves + rng.uniform(0, 2 * np.pi, TYPES))
        truth = np.exp(3 * field)
    else:
        truth = rng.dirichlet(np.full(TYPES, 0.3), side**2)
    truth /= truth.sum(axis=1, keepdims=True)
    spots = ad.AnnData(sp.csr_matrix(rng.poisson(depth * truth @ profiles)))
    spots.obsm["spatial"] = points
    kind = np.repeat(np.arange(TYPES), 40)
    cells = ad.AnnData(sp.csr_matrix(rng.poisson(2000 * profiles[kind])))
    cells.obs["cell_type"] = np.array(names)[kind]
    return spots, cells, truth[:, np.argsort(names)]


def error(spots, cells, truth, **params):
    hb.deconvolve(spots, cells, system="flashdeconv", **params)
    found = spots.obsm["proportions"].sort_index(axis=1).to_numpy()
    strength = spots.uns["histobridge"]["proportions"]["strength"]
    return metrics.spot_rmse(found, truth).mean(), strength


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("side", [12, SIDE])
def test_tissue_of_strangers_is_not_blurred(seed, side):
    problem = mixture(smooth=False, seed=seed, side=side)
    chosen, strength = error(*problem)
    none, _ = error(*problem, smooth=0.0)
    blurred, _ = error(*problem, smooth=0.03)
    assert strength <= 0.003
    assert chosen < 1.05 * none < 0.8 * blurred


@pytest.mark.parametrize("seed", [0, 1])
def test_neighbours_that_are_alike_help_more_where_counts_are_few(seed):
    strengths = {}
    for depth in (100, 1000):
        problem = mixture(smooth=True, depth=depth, seed=seed)
        chosen, strengths[depth] = error(*problem)
        none, _ = error(*problem, smooth=0.0)
        assert chosen < none
    assert strengths[100] > strengths[1000] > 0


def test_without_positions_nothing_is_smoothed():
    spots, cells, truth = mixture(smooth=True)
    del spots.obsm["spatial"]
    _, strength = error(spots, cells, truth)
    assert strength == 0
