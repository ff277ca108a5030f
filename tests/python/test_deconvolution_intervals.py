"""Intervals: they hold what they promise, and each of their parts does its own."""

import numpy as np
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.deconvolution import outputs
from histobridge.deconvolution.calibration import Widths, drawn, share_covariance
from histobridge.deconvolution.gamma_poisson import maximum_likelihood
from histobridge.deconvolution.mixture import Mixture, dispersion
from histobridge.deconvolution.pseudo_tissue import Recipe, cell_dispersion, halves
from histobridge.deconvolution.signatures import reference_signatures


@pytest.fixture
def problem():
    """Counts (40, 30) of mixtures of 4 profiles, depth 500; the amounts."""
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.full(30, 0.3), 4).T
    amounts = rng.dirichlet(np.full(4, 0.4), 40)
    counts = rng.poisson(500 * amounts @ profiles.T).astype(float)
    counts[:, 0] += 1
    return counts, profiles, amounts


def coverage(tissue, reference, **params):
    hb.deconvolve(tissue, reference, level=0.9, **params)
    truth = tissue.obsm["true_proportions"]
    found, low, high = (
        tissue.obsm[f"proportions{end}"][truth.columns]
        for end in ("", "_lower", "_upper")
    )
    assert (low <= found + 1e-12).all(axis=None)
    assert (high >= found - 1e-12).all(axis=None)
    assert (high - low).mean(axis=None) < 0.4
    return ((truth >= low) & (truth <= high)).mean(axis=None)


@pytest.mark.parametrize(
    ("pattern", "platform"),
    [("diverse_overlap", 0.0), ("diverse_distinct", 0.3), ("dominant_rare", 0.3)],
)
def test_intervals_hold_the_truth_of_mixed_cells(pattern, platform):
    tissue, rest = hb.data.simulate_spots(
        hb.data.simulate_reference(60, n_genes=100, n_types=6),
        pattern=pattern,
        spots_per_region=24,
        depth=None,
        platform_sd=platform,
    )
    assert 0.85 < coverage(tissue, rest) < 0.98


@pytest.mark.parametrize(
    ("depth", "platform", "graph"),
    [(100, 0.0, "spatial"), (1000, 0.0, "none"), (1000, 0.3, "tissue")],
)
def test_intervals_hold_the_truth_of_tissue(depth, platform, graph):
    """Many cells per spot: small shares that are not zero."""
    tissue = hb.data.simulate_tissue(
        1, spots_per_side=12, microns_per_pixel=20, depth=depth, platform_sd=platform
    )
    found = coverage(tissue, hb.data.simulate_reference(60), graph=graph)
    assert 0.85 < found < 0.98


def test_intervals_of_similar_types_are_wide():
    """What one of two alike types has, the other might have."""
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.full(80, 0.3), 3).T
    alike = 0.97 * profiles[:, :1] + 0.03 * profiles[:, 1:2]
    profiles = np.column_stack([profiles[:, 0], alike, profiles[:, 2]])
    counts = rng.poisson(1000 * np.tile([[0.4, 0.3, 0.3]], (50, 1)) @ profiles.T)
    mixture = Mixture.of(sp.csr_matrix(counts, dtype=float), profiles, 1e12)
    fit = maximum_likelihood(mixture)
    variance = np.diagonal(share_covariance(mixture, fit, None, 0.0), axis1=1, axis2=2)
    assert (variance[:, 0] > 20 * variance[:, 2]).all()


def test_widths_hold_the_errors_of_even_and_of_odd_spots():
    rng = np.random.default_rng(0)
    estimate = rng.uniform(size=(400, 5))
    errors = rng.exponential(np.where(np.arange(400) % 2, 2.0, 1.0)[:, None], (400, 5))
    errors *= 1 + 3 * (estimate < 0.2)
    inside = errors <= Widths(estimate, errors, 0.9)(estimate)
    assert 0.87 < inside[1::2].mean() < 0.93
    assert inside[1::2][estimate[1::2] < 0.2].mean() > 0.8
    assert inside[::2].mean() > 0.95


def test_drawn_compositions_scatter_as_the_covariance_says():
    shares = np.tile([0.5, 0.3, 0.2], (4000, 1))
    one = np.array([[2.0, -2, 0], [-2, 3, -1], [0, -1, 1]]) * 1e-3
    found = drawn(shares, np.tile(one, (4000, 1, 1)), np.random.default_rng(0))
    np.testing.assert_allclose(np.cov(found.T), one, atol=3e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_calibration_spots_have_the_depth_composition_and_scatter_asked_for(reference):
    signatures = reference_signatures(reference, "cell_type", reference.var_names)
    shares = np.tile([0.7, 0.3, 0, 0, 0], (400, 1))
    factor = np.ones(len(signatures.genes))
    scatter = 0.5 * cell_dispersion(signatures)
    recipe = Recipe(signatures, factor, True, scatter, np.random.default_rng(0))
    counts, truth = recipe.spots(shares, np.full(400, 900.0))
    np.testing.assert_allclose(truth.mean(axis=0), shares[0], atol=0.03)
    assert truth[::2].std(axis=0)[0] > 2 * truth[1::2].std(axis=0)[0]
    assert abs(counts.sum(axis=1).mean() - 900) < 50
    many = Mixture.of(counts[1::2], signatures.profiles, 1e12)
    found, _ = dispersion(many, outputs.shares(truth * signatures.sizes)[1::2], factor)
    assert found == pytest.approx(scatter, rel=0.3)


def test_halves_of_a_reference_share_no_cell(reference):
    signatures = reference_signatures(reference, "cell_type", reference.var_names)
    first, second = halves(signatures, np.random.default_rng(0))
    both = first.cells.sum() + second.cells.sum()
    assert both == signatures.cells.sum()
    assert abs(first.profiles - second.profiles).max() > 0
    np.testing.assert_allclose(first.profiles.sum(axis=0), 1.0)


def test_the_covariance_of_shares_is_that_of_repeated_spots(problem):
    _, profiles, amounts = problem
    rng = np.random.default_rng(2)
    many = np.tile(0.1 + 0.6 * amounts[:1], (600, 1))
    counts = rng.poisson(2000 * many @ profiles.T).astype(float)
    mixture = Mixture.of(sp.csr_matrix(counts), profiles, 1e12)
    fit = maximum_likelihood(mixture)
    exact = np.cov(outputs.shares(fit.mean).T)
    found = share_covariance(mixture, fit, None, 0.0).mean(axis=0)
    np.testing.assert_allclose(found, exact, atol=0.15 * np.diagonal(exact).max())
    np.testing.assert_allclose(found.sum(axis=1), 0.0, atol=1e-12)
