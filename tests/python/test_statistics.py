"""Spatial statistics against double sums, SciPy, spdep's formulas or enumeration."""

from itertools import permutations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, kstest, pearsonr

from histobridge import graphs, statistics


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def lattice(side):
    return np.stack(np.divmod(np.arange(side**2), side), axis=1).astype(float)[:, ::-1]


def moran_by_hand(z, weights):
    z = z - z.mean()
    total = sum(
        weights[i, j] * z[i] * z[j] for i in range(len(z)) for j in range(len(z))
    )
    return len(z) / weights.sum() * total / (z**2).sum()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_morans_i_is_the_double_sum(seed, sparse):
    rng = np.random.default_rng(seed)
    points = rng.random((30, 2))
    graph = graphs.knn_graph(points, np.arange(30) % 2, 6)
    weights = statistics.row_standardised(graph)
    values = rng.poisson(1.0, (30, 4)).astype(float)
    values[:, 3] = 2.0
    given_as = sp.csr_matrix(values) if sparse else values
    found = statistics.morans_i(given_as, weights)
    dense = weights.toarray()
    expected = [moran_by_hand(v, dense) for v in values.T[:3]]
    np.testing.assert_allclose(found, [*expected, 0.0], atol=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
def test_single_precision_and_a_large_mean_cost_nothing(sparse, rng):
    points = rng.random((400, 2))
    weights = statistics.row_standardised(graphs.knn_graph(points, np.zeros(400), 6))
    values = (50 + rng.normal(0, 0.01, (400, 3))).astype(np.float32)
    expected = statistics.morans_i(values.astype(float) - 50.0, weights)
    given_as = sp.csr_matrix(values) if sparse else values
    found = statistics.morans_i(given_as, weights)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_morans_i_closed_forms(rng):
    """-1 of an alternating ring, cos of a wave on it, -1 / (n - 1) of all pairs."""
    n = 24
    ring = sp.csr_matrix(np.roll(np.eye(n), 1, 1) + np.roll(np.eye(n), -1, 1))
    angle = 2 * np.pi * np.arange(n) / n
    values = np.stack([(-1.0) ** np.arange(n), np.cos(angle), np.cos(3 * angle)], 1)
    expected = [-1, np.cos(2 * np.pi / n), np.cos(6 * np.pi / n)]
    np.testing.assert_allclose(statistics.morans_i(values, ring), expected, atol=1e-12)
    pairs = sp.csr_matrix(np.ones((n, n)) - np.eye(n))
    found = statistics.morans_i(rng.random((n, 5)), pairs)
    np.testing.assert_allclose(found, -1 / (n - 1))


def test_moments_are_those_of_all_permutations(rng):
    """All 720 orders of six spots, against the closed form."""
    weights = sp.csr_matrix(rng.random((6, 6)) * (1 - np.eye(6)))
    values = rng.gamma(1, 1, (6, 2))
    every = np.array(
        [statistics.morans_i(values[list(p)], weights) for p in permutations(range(6))]
    )
    mean, variance = statistics.morans_moments(values, weights)
    np.testing.assert_allclose(every.mean(axis=0), mean)
    np.testing.assert_allclose(every.var(axis=0), variance)


def test_an_isolated_spot_has_no_weights():
    graph = sp.csr_matrix(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0.0]]))
    weights = statistics.row_standardised(graph)
    np.testing.assert_array_equal(np.asarray(weights.sum(1)).ravel(), [1, 1, 0])


def test_a_shift_of_a_lattice_is_a_cyclic_one():
    side = 7
    number = np.arange(side**2).reshape(side, side)
    rolled = {
        tuple(np.roll(number, (a, b), axis=(0, 1)).ravel())
        for a in range(side)
        for b in range(side)
    } - {tuple(number.ravel())}
    shifts = statistics.toroidal_shifts(lattice(side) * 130.7 + 17, 60)
    assert {tuple(s) for s in shifts} <= rolled
    assert len({tuple(s) for s in shifts}) > 25


def smooth(rng, side, genes, width=3):
    """Fields on a torus, so that a shift is exactly as likely as what was seen."""
    from scipy.ndimage import gaussian_filter

    noise = rng.normal(size=(side, side, genes))
    fields = gaussian_filter(noise, (width, width, 0), mode="wrap")
    return fields.reshape(-1, genes)


def test_p_values_of_smooth_noise_are_uniform_where_parametric_ones_are_not(rng):
    side, genes = 16, 300
    x, y = smooth(rng, side, genes), smooth(rng, side, genes)
    p = statistics.toroidal_p(x, y, lattice(side), draws=99)
    assert kstest(p, "uniform").pvalue > 0.01
    assert statistics.fraction_significant(p) < 0.02
    naive = np.array(
        [pearsonr(a, b, alternative="greater").pvalue for a, b in zip(x.T, y.T)]  # noqa: B905
    )
    assert statistics.fraction_significant(naive) > 0.2


def test_genes_that_are_predicted_are_significant(rng):
    side, genes = 16, 40
    truth = smooth(rng, side, genes)
    guess = smooth(rng, side, genes)
    guess[:, :20] = truth[:, :20] + 0.3 * guess[:, :20]
    p = statistics.toroidal_p(guess, truth, lattice(side), draws=199)
    assert 0.45 <= statistics.fraction_significant(p) <= 0.6
    assert p.min() == 1 / 200


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_benjamini_hochberg_is_scipys(p):
    np.testing.assert_allclose(
        statistics.benjamini_hochberg(np.array(p)), false_discovery_control(p)
    )


def test_permutation_p_is_that_of_permuted_values(rng):
    """The definition, drawn spot by spot, with the same orders."""
    from histobridge.statistics.autocorrelation import _shuffled

    points, sections = rng.random((40, 2)), np.arange(40) % 2
    weights = statistics.row_standardised(graphs.knn_graph(points, sections, 4))
    values = rng.poisson(0.4, (40, 70)).astype(float)
    values[:, 0], values[:, 1] = 3.0, np.eye(40)[0]
    values[:, 2] += 5 * points[:, 0]
    generator = np.random.default_rng(3)
    orders = [_shuffled(sections, generator) for _ in range(50)]
    seen = statistics.morans_i(values, weights)
    above = sum(statistics.morans_i(values[o], weights) >= seen - 1e-9 for o in orders)
    expected = (1 + above) / 51
    for given_as in (values, sp.csr_matrix(values)):
        found = statistics.morans_p(given_as, weights, 50, 3, sections)
        np.testing.assert_allclose(found, expected)
    assert expected[0] == 1
    assert expected[2] < 0.05


def test_permutation_p_is_uniform_without_pattern_and_agrees_with_the_moments(rng):
    from scipy.stats import norm

    points = rng.random((150, 2))
    weights = statistics.row_standardised(graphs.knn_graph(points, np.zeros(150), 6))
    values = rng.normal(size=(150, 300))
    p = statistics.morans_p(values, weights, 199)
    assert kstest(p, "uniform").pvalue > 0.01
    mean, variance = statistics.morans_moments(values, weights)
    z = (statistics.morans_i(values, weights) - mean) / np.sqrt(variance)
    assert np.abs(p - norm.sf(z)).max() < 0.15
    np.testing.assert_array_equal(p, statistics.morans_p(values, weights, 199))


def test_spots_change_places_within_their_section_only(rng):
    """A gene that marks one section says nothing about places within sections."""
    points, sections = rng.random((60, 2)), np.arange(60) // 30
    weights = statistics.row_standardised(graphs.knn_graph(points, sections, 4))
    values = (sections + rng.normal(0, 0.3, 60))[:, None]
    assert statistics.morans_p(values, weights, 99)[0] == 0.01
    assert statistics.morans_p(values, weights, 99, groups=sections)[0] > 0.05
