"""Shapes, block size, balance, sites, single spots and matched distances."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from test_splits import scattered, splits_of

from histobridge import graphs
from histobridge.contract import ContractError
from histobridge.splits import (
    KNNDM,
    BufferedLeaveOneOut,
    LeaveOnePatientOut,
    LeaveOneSiteOut,
    SpatialBlockKFold,
    audit_split,
    variogram_range,
)
from histobridge.splits.matched import _counts, _deal, wasserstein
from histobridge.splits.variogram import fit_range, spherical

SHAPES = ("rect", "kmeans")
FAR = np.array([2000, 0])

tissues = st.builds(
    scattered,
    st.lists(st.integers(60, 160), min_size=1, max_size=2),
    pitch=st.sampled_from([30.0, 100.0]),
    seed=st.integers(0, 1000),
    microns=st.sampled_from([0.3, 1.0, 4.0]),
)
shaped = st.builds(
    SpatialBlockKFold,
    n_splits=st.integers(2, 4),
    shape=st.sampled_from(["rect", "hex", "kmeans"]),
    patch_microns=st.sampled_from([20.0, 100.0]),
    seed=st.integers(0, 5),
)


def test_the_default_folds_are_those_published_so_far():
    folds = SpatialBlockKFold(4, seed=2).folds(scattered([150, 90], seed=7))
    found = hashlib.sha256(folds.astype("int8").tobytes()).hexdigest()
    assert found.startswith("36c7929dbcbaa1c7")


@settings(max_examples=40, deadline=None)
@given(tissues, shaped)
def test_blocks_of_every_shape_keep_the_promises_of_squares(adata, splitter):
    points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
    blocks, folds = splitter.blocks(adata), splitter.folds(adata)
    for block in np.unique(blocks):
        assert len(set(sections[blocks == block])) == 1
        assert len(set(folds[blocks == block])) == 1
    assert set(blocks) == set(range(blocks.max() + 1))
    buffer, tested = splitter.buffer(adata), []
    for train, test in splits_of(splitter, adata):
        apart = cdist(points, points[test])
        apart[sections[:, None] != sections[test]] = np.inf
        np.testing.assert_array_equal(train, np.flatnonzero(apart.min(axis=1) > buffer))
        tested.append(test)
    np.testing.assert_array_equal(
        np.sort(np.concatenate(tested)), np.arange(len(points))
    )


@settings(max_examples=30, deadline=None)
@given(tissues, st.sampled_from([250.0, 700.0]))
def test_a_hexagon_is_the_voronoi_cell_of_its_lattice(adata, side):
    """Against brute force: the nearest of all centres of a triangular lattice."""
    blocks = SpatialBlockKFold(shape="hex", block_microns=side).blocks(adata)
    points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
    reach = np.arange(-40, 41)
    i, j = (a.ravel() for a in np.meshgrid(reach, reach))
    lattice = side * np.stack([i + j / 2, j * np.sqrt(3) / 2], axis=1)
    for section in np.unique(sections):
        mine = sections == section
        here = points[mine]
        centred = here - (here.min(axis=0) + here.max(axis=0)) / 2
        nearest = cKDTree(lattice).query(centred)[1]
        pairs = set(zip(blocks[mine], nearest, strict=True))
        assert len(pairs) == len(set(blocks[mine])) == len(set(nearest))


def test_kmeans_makes_as_many_blocks_as_there_are_squares():
    adata = scattered([200])
    count = [len(set(SpatialBlockKFold(shape=s).blocks(adata))) for s in SHAPES]
    assert count[0] == count[1]


def test_an_unknown_shape_or_size_is_refused():
    with pytest.raises(ContractError, match=r"'round'; available: rect, hex, kmeans"):
        SpatialBlockKFold(shape="round")
    with pytest.raises(ContractError, match="'large'"):
        SpatialBlockKFold(block_microns="large")


# Block size ------------------------------------------------------------------


@pytest.mark.parametrize("reach", [300.0, 900.0])
@pytest.mark.parametrize("nugget", [0.0, 0.4])
def test_the_range_of_an_exact_spherical_variogram_is_found(reach, nugget):
    distance = np.arange(50.0, 1500.0, 50.0)
    gamma = nugget + (1 - nugget) * spherical(distance, reach)
    found = fit_range(distance, gamma, np.arange(len(distance)) + 1)
    assert found == pytest.approx(reach, rel=0.03)


def field(points, reach, seed, columns=20):
    """Gaussian fields of spherical covariance."""
    covariance = 1 - spherical(cdist(points, points), reach)
    root = np.linalg.cholesky(covariance + 1e-8 * np.eye(len(points)))
    return root @ np.random.default_rng(seed).normal(size=(len(points), columns))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 100), st.sampled_from([400.0, 800.0]))
def test_the_range_of_a_gaussian_field_is_found(seed, reach):
    points = scattered([400], seed=seed).obsm["spatial"]
    found = variogram_range(points, field(points, reach, seed))
    assert found == pytest.approx(reach, rel=0.35)


def test_noise_has_no_range_and_the_block_is_five_pitches():
    adata = scattered([300])
    noise = np.random.default_rng(1).normal(size=(300, 30))
    adata.obsm["left"] = noise
    assert variogram_range(adata.obsm["spatial"], noise) == 0
    auto = SpatialBlockKFold(block_microns="auto", residuals="left").blocks(adata)
    np.testing.assert_array_equal(auto, SpatialBlockKFold().blocks(adata))


def test_auto_blocks_are_one_and_a_half_ranges():
    adata = scattered([400])
    points = adata.obsm["spatial"]
    adata.obsm["left"] = field(points, 600.0, 3)
    side = 1.5 * variogram_range(points, adata.obsm["left"])
    assert side > 500
    auto = SpatialBlockKFold(block_microns="auto", residuals="left").blocks(adata)
    np.testing.assert_array_equal(
        auto, SpatialBlockKFold(block_microns=side).blocks(adata)
    )
    with pytest.raises(ContractError, match=r"residuals in obsm\['right'\]"):
        SpatialBlockKFold(block_microns="auto", residuals="right").blocks(adata)


def test_auto_blocks_of_counts(tissue):
    blocks = SpatialBlockKFold(2, block_microns="auto", shape="hex").blocks(tissue)
    assert len(blocks) == tissue.n_obs


# Balance, audits, sites --------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000))
def test_balancing_spreads_a_class_that_lies_in_one_corner(seed):
    adata = scattered([400], seed=seed)
    corner = (graphs.positions_microns(adata) < 1000).all(axis=1)
    adata.obs["kind"] = np.where(corner, "tumour", "rest")
    plain = SpatialBlockKFold(3, block_microns=250, seed=seed)
    even = SpatialBlockKFold(3, block_microns=250, seed=seed, balance_by="kind")

    def uneven(splitter):
        return np.ptp(np.bincount(splitter.folds(adata)[corner], minlength=3))

    largest = np.bincount(even.blocks(adata)[corner]).max()
    assert uneven(even) <= largest
    assert uneven(even) <= max(uneven(plain), largest)
    assert np.ptp(np.bincount(even.folds(adata))) < 3 * 9


def test_class_distance_is_told():
    adata = scattered([200])
    adata.obs["kind"] = np.where(adata.obsm["spatial"][:, 0] < 700, "a", "b")
    for split in SpatialBlockKFold(3, patch_microns=50, balance_by="kind").splits(
        adata
    ):
        shares = [adata.obs["kind"].iloc[s].eq("a").mean() for s in split]
        expected = abs(shares[0] - shares[1])
        assert split.audit["class_distance"] == pytest.approx(expected)


@pytest.mark.parametrize(
    "splitter",
    [
        SpatialBlockKFold(3),
        SpatialBlockKFold(3, shape="hex"),
        LeaveOnePatientOut(),
        BufferedLeaveOneOut(4),
        KNNDM(3),
    ],
)
def test_splits_are_those_of_split_with_name_and_audit(splitter, tissue):
    named, pairs = list(splitter.splits(tissue)), list(splitter.split(tissue))
    assert splitter.get_n_splits(tissue) == len(named) == len(pairs)
    assert len({s.name for s in named}) == len(named)
    for split, (train, test) in zip(named, pairs, strict=True):
        np.testing.assert_array_equal(split.train, train)
        np.testing.assert_array_equal(split.test, test)
        expected = audit_split(tissue, train, test)
        assert {k: split.audit[k] for k in expected} == expected


def test_a_site_leaves_with_all_patients(tissue):
    patient = tissue.obs["patient"].astype(str)
    tissue.obs["site"] = patient.map({"P1": "A", "P2": "B", "P3": "B"})
    first, second = LeaveOneSiteOut().splits(tissue)
    assert (first.name, second.name) == ("test A", "test B")
    assert set(patient.iloc[second.test]) == {"P2", "P3"}
    assert set(patient.iloc[second.train]) == {"P1"}
    del tissue.obs["site"]
    with pytest.raises(ContractError, match="site in obs"):
        next(LeaveOneSiteOut().splits(tissue))


# Single spots ------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(tissues, st.sampled_from([50.0, 150.0]), st.integers(0, 5))
def test_one_spot_is_tested_far_from_all_others(adata, buffer, seed):
    splitter = BufferedLeaveOneOut(9, buffer_microns=buffer, seed=seed)
    points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
    tests = []
    for train, test in splits_of(splitter, adata):
        (spot,) = test
        apart = cdist(points[[spot]], points)[0]
        apart[sections != sections[spot]] = np.inf
        np.testing.assert_array_equal(train, np.flatnonzero(apart > buffer))
        tests.append(spot)
    assert len(set(tests)) == 9


def test_every_spot_is_left_out_by_default_and_the_buffer_is_that_of_blocks():
    adata = scattered([70])
    splitter = BufferedLeaveOneOut(patch_microns=100)
    pairs = list(splitter.split(adata))
    assert [int(t[0]) for _, t in pairs] == list(range(70))
    buffer = SpatialBlockKFold(patch_microns=100).buffer(adata)
    points = graphs.positions_microns(adata)
    for train, test in pairs:
        assert cdist(points[train], points[test]).min() > buffer
    with pytest.raises(ContractError, match=r"both sides \(buffer 9000 um\)"):
        next(BufferedLeaveOneOut(buffer_microns=9000).split(adata))


# Matched distances -------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(tissues, st.integers(2, 4), st.integers(0, 5))
def test_knndm_tests_every_spot_once_and_fills_every_fold(adata, n_splits, seed):
    splitter = KNNDM(n_splits, seed=seed)
    tested = [test for _, test in splitter.split(adata)]
    np.testing.assert_array_equal(np.sort(np.concatenate(tested)), range(adata.n_obs))
    assert min(map(len, tested)) > 0
    for train, test in splitter.split(adata):
        np.testing.assert_array_equal(np.setdiff1d(range(adata.n_obs), test), train)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 100), st.sampled_from([0.0, 300.0, 1000.0]))
def test_no_other_candidate_matches_better(seed, shift):
    """Against brute force over the candidates, distances by scipy's cdist."""
    adata = scattered([120], seed=seed)
    points = graphs.positions_microns(adata)
    places = points[::3] + np.array([shift, 0])
    there = np.sort(cdist(places, points).min(axis=1))
    folds = KNNDM(3, predict_microns={"S0": places}, seed=seed).folds(adata)

    def apart(candidate):
        """Integral of the difference of the two distribution functions."""
        matrix = cdist(points, points)
        matrix[candidate[:, None] == candidate] = np.inf
        here = np.sort(matrix.min(axis=1))
        grid = np.sort(np.concatenate([here, there]))
        difference = [
            np.searchsorted(v, grid[:-1], "right") / len(v) for v in (here, there)
        ]
        return float((np.abs(difference[0] - difference[1]) * np.diff(grid)).sum())

    assert wasserstein(points, folds, there) == pytest.approx(apart(folds))
    others = [apart(_deal(points, c, 3, seed)) for c in _counts(3, 120)]
    assert apart(folds) == pytest.approx(min(others))


def test_near_places_ask_for_scattered_and_far_places_for_clustered_folds():
    adata = scattered([225])
    points = graphs.positions_microns(adata)
    near = KNNDM(3).folds(adata)
    far = KNNDM(3, predict_microns={"S0": points + FAR}).folds(adata)
    neighbour = graphs.nearest(points, 1)[1][:, 0]
    assert (near == near[neighbour]).mean() < 0.6 < 0.8 < (far == far[neighbour]).mean()
    (one, *_) = KNNDM(3, predict_microns={"S0": points + FAR}).splits(adata)
    assert one.audit["wasserstein_microns"] > 500
    (one, *_) = KNNDM(3).splits(adata)
    assert one.audit["wasserstein_microns"] < 100


def test_knndm_says_what_it_lacks():
    adata = scattered([60])
    with pytest.raises(ContractError, match=r"at least 90 spots.*60 in 'S0'"):
        KNNDM(90).folds(adata)
    with pytest.raises(ContractError, match=r"section 'S0'; found none; available: S7"):
        KNNDM(3, predict_microns={"S7": np.zeros((1, 2))}).folds(adata)


def test_a_patient_owns_whole_sections(tissue):
    tissue.obs["patient"] = ["P1", "P2"] * (tissue.n_obs // 2)
    with pytest.raises(ContractError, match="one patient per section; found several"):
        next(LeaveOnePatientOut().split(tissue))
    del tissue.obs["patient"]
    with pytest.raises(ContractError, match=r"patient in obs\['patient'\]"):
        next(LeaveOnePatientOut().split(tissue))


@pytest.mark.parametrize("block_microns", [None, "auto"])
def test_blocks_of_a_fine_pitch_are_as_large_as_the_buffer(block_microns):
    """Bins of 16 microns: five pitches would be an eighth of what a patch shows."""
    fine = scattered([6400], pitch=16.0)
    splitter = SpatialBlockKFold(patch_microns=200.0, block_microns=block_microns)
    for train, test in splitter.split(fine):
        assert len(train)
        assert (
            audit_split(fine, train, test, patch_microns=200.0)["overlapping_patches"]
            == 0
        )


@pytest.mark.parametrize("number", [0, 1, -2, 2.5, True])
def test_a_number_of_folds_is_whole_and_at_least_two(number):
    for splitter in (SpatialBlockKFold, KNNDM):
        with pytest.raises(ContractError, match="n_splits, a whole number"):
            splitter(number)
    assert SpatialBlockKFold(2.0).n_splits == 2


def test_a_number_of_test_spots_is_one_at_least():
    for number in (0, -1):
        with pytest.raises(ContractError, match="n_tests, a whole number"):
            BufferedLeaveOneOut(number)
