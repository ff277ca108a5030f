"""Simulated spots: the pattern that was asked for, from cells nobody else sees."""

import numpy as np
import pytest

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.data.mixtures import PATTERNS, region_frequencies


@pytest.fixture(scope="module")
def cells():
    """12 types of 20 cells, 40 genes."""
    adata = hb.data.simulate_reference(20, n_genes=40, n_types=12)
    adata.obs_names = [f"c{i}" for i in range(adata.n_obs)]
    return adata


@pytest.mark.parametrize("pattern", PATTERNS)
def test_truth_is_complete_and_cells_are_apart(cells, pattern):
    spots, rest = hb.data.simulate_spots(cells, pattern=pattern, spots_per_region=15)
    truth = spots.obsm["true_proportions"]
    assert list(truth) == sorted(cells.obs["cell_type"].unique())
    np.testing.assert_allclose(truth.sum(axis=1), 1.0)
    assert rest.n_obs == cells.n_obs // 2
    assert rest.obs["cell_type"].value_counts().eq(10).all()
    assert spots.obs["n_cells"].between(2, 10).all()
    assert spots.obs["region"].nunique() == 5


def test_the_counts_are_those_of_mixed_cells(cells):
    one = hb.data.simulate_spots(cells, cells_per_spot=(1, 1), depth=None)[0]
    rows = {tuple(row) for row in cells.X.toarray()}
    assert all(tuple(row) in rows for row in one.X.toarray())


def shares(pattern, seed=0):
    return region_frequencies(pattern, 12, 5, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(3))
def test_every_pattern_is_what_its_name_says(seed):
    uniform = shares("uniform_overlap", seed)
    assert np.allclose(uniform[uniform > 0], 0.25)
    distinct = shares("diverse_distinct", seed)
    assert ((distinct > 0).sum(axis=0) == 1).all()
    assert (shares("dominant", seed).max(axis=0) > 0.5).any()
    dominant = shares("dominant", seed)
    assert (dominant[:, dominant.mean(axis=0).argmax()] > 0.5).all()
    partly = shares("partially_dominant", seed)
    assert ((partly.max(axis=1) > 0.5) == [True, True, False, False, False]).all()
    rare = shares("dominant_rare", seed)
    assert (((rare > 0) & (rare < 0.05)).sum(axis=1) == 1).all()
    once = shares("regional_rare", seed)
    assert ((once > 0) & (once < 0.05)).sum() == 1
    assert ((shares("missing_types", seed).sum(axis=0)) == 0).sum() >= 3


def test_regions_are_compact(cells):
    spots, _ = hb.data.simulate_spots(cells, spots_per_region=60)
    points, region = spots.obsm["spatial"], spots.obs["region"].to_numpy()
    _, near = hb.graphs.nearest(points, 4)
    assert (region[near] == region[:, None]).mean() > 0.75


def test_the_seed_decides(cells):
    first, second, other = (
        hb.data.simulate_spots(cells, seed=seed)[0] for seed in (1, 1, 2)
    )
    assert (first.X != second.X).nnz == 0
    assert (first.X != other.X).nnz > 0


def test_depth_is_reached_from_above_only(cells):
    deep, _ = hb.data.simulate_spots(cells, depth=None)
    thin, _ = hb.data.simulate_spots(cells, depth=(500, 50))
    assert np.abs(thin.X.sum(axis=1) - 500).mean() < 60
    assert thin.X.sum() < deep.X.sum()
    spots, _ = hb.data.simulate_spots(cells, depth=(1e9, 0))
    assert spots.X.sum() == deep.X.sum()


def test_a_platform_moves_genes_not_depth(cells):
    plain, _ = hb.data.simulate_spots(cells, depth=None)
    moved, _ = hb.data.simulate_spots(cells, depth=None, platform_sd=0.5)
    assert moved.X.sum() == pytest.approx(plain.X.sum(), rel=0.01)
    ratio = np.log(moved.X.sum(axis=0).A1 / plain.X.sum(axis=0).A1)
    assert 0.3 < ratio.std() < 0.8


def test_what_cannot_be_is_refused(cells):
    with pytest.raises(ContractError, match="diverse_overlap"):
        hb.data.simulate_spots(cells, pattern="stripes")
    with pytest.raises(ContractError, match="at least 4"):
        few = cells[cells.obs["cell_type"].isin(["type1", "type2"])].copy()
        hb.data.simulate_spots(few)
    for wrong, message in (
        ({"n_regions": 0}, "at least one region"),
        ({"cells_per_spot": (5, 2)}, "fewest and most cells"),
        ({"cells_per_spot": (0, 2)}, "fewest and most cells"),
        ({"platform_sd": -1}, "platform_sd"),
    ):
        with pytest.raises(ContractError, match=message):
            hb.data.simulate_spots(cells, **wrong)
    cells.X = np.log1p(cells.X.toarray())
    with pytest.raises(ContractError, match="whole-number raw counts"):
        hb.data.simulate_spots(cells)
