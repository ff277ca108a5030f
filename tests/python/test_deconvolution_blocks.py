"""Blocks of deconvolution: each against something else that knows the answer."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.integrate import quad
from scipy.optimize import minimize, nnls
from scipy.stats import poisson

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.deconvolution import genes, outputs, platform, priors, solvers
from histobridge.deconvolution.gamma_poisson import maximum_likelihood, posterior
from histobridge.deconvolution.heavy_tail import heavy_tail, rate_grid
from histobridge.deconvolution.held_out_genes import strongest
from histobridge.deconvolution.mixture import Mixture, dispersion, gene_weights
from histobridge.deconvolution.mixtures_of_few import FewTypes, doublets, greedy
from histobridge.deconvolution.robust_newton import robust_weights
from histobridge.deconvolution.signatures import reference_signatures
from histobridge.deconvolution.systems.card import gaussian_kernel


@pytest.fixture
def problem():
    """Counts (40, 30) of mixtures of 4 profiles, depth 500; the amounts."""
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.full(30, 0.3), 4).T
    amounts = rng.dirichlet(np.full(4, 0.4), 40)
    counts = rng.poisson(500 * amounts @ profiles.T).astype(float)
    counts[:, 0] += 1
    return counts, profiles, amounts


def test_signatures_are_means_over_cells(reference):
    found = reference_signatures(reference, "cell_type", reference.var_names)
    cells = reference.X.toarray()
    mine = (reference.obs["cell_type"] == "type2").to_numpy()
    share = cells[mine] / cells[mine].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.mean_shares()[:, 1], share.mean(axis=0))
    np.testing.assert_allclose(found.variance_shares()[:, 1], share.var(axis=0))
    half = found.subset(np.arange(10))
    np.testing.assert_allclose(half.mean_shares()[:, 1], share.mean(axis=0)[:10])
    assert list(half.genes) == list(reference.var_names[:10])


def test_donors_come_from_the_reference(reference):
    reference.obs["patient"] = np.where(np.arange(reference.n_obs) % 2, "b", "a")
    found = reference_signatures(reference, "cell_type", reference.var_names)
    assert set(found.donors) == {0, 1}
    both = found.members(0) + found.members(1)
    assert (both != found.members()).nnz == 0


def test_gene_rules_find_the_markers(reference):
    signatures = reference_signatures(reference, "cell_type", reference.var_names)
    counts = sp.csr_matrix(reference.X, dtype=float)
    marks = (reference.var["marker_of"] != "none").to_numpy()
    for rule, n in (("markers", 4), ("leverage", 20), ("specific", 0)):
        chosen = genes.select_genes(signatures, counts, rule, n)
        assert marks[chosen].mean() > 0.8, rule
    everything = genes.select_genes(signatures, counts, "all")
    assert len(everything) == reference.n_vars
    with pytest.raises(ContractError, match="leverage"):
        genes.select_genes(signatures, counts, "lucky")


def test_least_squares_is_scipys(problem):
    counts, profiles, _ = problem
    weights = np.random.default_rng(1).uniform(0.1, 10, counts.shape)
    plain = solvers.least_squares(counts, profiles)
    weighed = solvers.least_squares(counts, profiles, weights)
    for i in range(0, len(counts), 7):
        np.testing.assert_allclose(plain[i], nnls(profiles, counts[i])[0], atol=0.05)
        root = np.sqrt(weights[i])
        expected = nnls(profiles * root[:, None], counts[i] * root)[0]
        np.testing.assert_allclose(weighed[i], expected, atol=0.5)
    sparse = solvers.least_squares(sp.csr_matrix(counts), profiles)
    np.testing.assert_allclose(sparse, plain, atol=1e-6)


def test_newton_reaches_the_maximum_of_the_likelihood(problem):
    counts, profiles, _ = problem
    found = solvers.poisson_newton(counts, profiles, np.full(len(counts), 500.0))

    def loss(a, y):
        mean = 500 * profiles @ a + 1e-12
        return mean.sum() - y @ np.log(mean)

    for i in range(0, len(counts), 9):
        best = minimize(
            loss, np.full(4, 0.25), (counts[i],), bounds=[(0, None)] * 4, tol=1e-12
        )
        assert loss(found[i], counts[i]) <= best.fun + 1e-3


def test_newton_does_not_need_more_genes_than_types(problem):
    counts, profiles, _ = problem
    found = solvers.poisson_newton(
        counts[:, :2], profiles[:2], np.full(len(counts), 500.0)
    )
    assert np.isfinite(found).all()


def test_the_heavy_tailed_likelihood_is_its_integral():
    sigma = 0.7
    a = 4 / 9 * np.exp(-4.5) / np.sqrt(2 * np.pi)

    def density(x):
        inner = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
        return inner if abs(x) < 3 else a / (abs(x) - 7 / 3) ** 2

    def integral(f):
        return sum(
            quad(f, *ends, limit=200)[0] for ends in ((-20, -3), (-3, 3), (3, 20))
        )

    total = integral(density)
    likelihood = heavy_tail(sigma, 16)
    for count, rate in ((0, 0.3), (1, 0.02), (4, 5.0), (12, 3.0)):
        exact = integral(
            lambda x: density(x) * poisson.pmf(count, rate * np.exp(sigma * x))  # noqa: B023
        )
        value, first, second = likelihood(np.array([[count]]), np.array([[rate]]))
        assert value[0, 0] == pytest.approx(np.log(exact / total), abs=1e-3)
        step = 1e-4 * rate
        low, high = (
            likelihood(np.array([[count]]), np.array([[rate + s]]))
            for s in (-step, step)
        )
        assert first[0, 0] == pytest.approx(
            (high[0] - low[0])[0, 0] / 2 / step, rel=1e-3
        )
        assert second[0, 0] == pytest.approx(
            (high[1] - low[1])[0, 0] / 2 / step, rel=0.1
        )


def test_the_grid_of_rates_is_spacexrs():
    grid = rate_grid()
    assert len(grid) == 439
    assert grid[0] == pytest.approx(1e-4)
    assert grid[-1] == 1600
    assert (np.diff(grid) > 0).all()


def test_robust_weights_resist_an_outlying_gene(problem):
    counts, profiles, amounts = problem
    counts[:, profiles.max(axis=1).argmin()] += 60
    depth = np.full(len(counts), 500.0)
    plain = outputs.shares(solvers.poisson_newton(counts, profiles, depth))
    weights, _, converged = robust_weights(counts, profiles, depth, heavy_tail(0.8, 64))
    robust = outputs.shares(weights)
    assert converged.all()
    assert np.abs(robust - amounts).mean() < 0.7 * np.abs(plain - amounts).mean()


def test_doublets_and_few_types_are_named():
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.full(60, 0.2), 5).T
    truth = np.zeros((30, 5))
    truth[:10, 0] = 1
    truth[10:20, [1, 2]] = 0.5
    truth[20:, [0, 3, 4]] = 1 / 3
    depth = np.full(30, 2000.0)
    counts = rng.poisson(depth[:, None] * truth @ profiles.T).astype(float)
    likelihood = heavy_tail(0.2, 1000 if counts.max() > 100 else 100)
    weights, _, _ = robust_weights(counts, profiles, depth, likelihood)
    few = FewTypes(counts, profiles, depth, likelihood)
    kept, facts = doublets(few, weights, 5.0, 20.0)
    assert (facts["spot_class"][:10] == "singlet").all()
    assert (facts["first_type"][:10] == 0).all()
    assert (facts["spot_class"][10:20] == "doublet_certain").all()
    pairs = np.sort([facts["first_type"], facts["second_type"]], axis=0).T
    assert (pairs[10:20] == [1, 2]).all()
    assert ((kept > 0).sum(axis=1) <= 2).all()
    found = greedy(few, weights, 4, 20.0)
    assert ((found > 0) == (truth > 0)).mean() > 0.98


def test_the_bulk_finds_composition_and_platform():
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.full(200, 0.5), 4).T + 1e-5
    composition = np.array([0.5, 0.3, 0.2, 0.0])
    factor = np.exp(rng.normal(0, 0.3, 200))
    bulk = 1e6 * (profiles @ composition) * factor
    found = platform.bulk_composition(bulk, profiles * 1e6)
    np.testing.assert_allclose(found, composition, atol=0.08)
    estimate = platform.bulk_factor(bulk, 1e6, profiles, found)
    assert np.corrcoef(np.log(estimate), np.log(factor))[0, 1] > 0.95


def test_the_posterior_leans_on_neighbours_only_where_counts_are_few(problem):
    counts, profiles, _ = problem
    thin = np.random.default_rng(0).binomial(counts.astype(int), 0.02).astype(float)
    thin[:, 0] += 1
    ring = sp.csr_matrix(
        np.roll(np.eye(40), 1, axis=1) + np.roll(np.eye(40), -1, axis=1)
    )
    average = priors.averaging(ring)
    shift = {}
    for name, y in (("many", counts), ("few", thin)):
        mixture = Mixture.of(sp.csr_matrix(y), profiles, 1e9)
        start = maximum_likelihood(mixture)
        fit = posterior(mixture, start, average, 10.0)
        moved = outputs.shares(fit.mean) - outputs.shares(start.mean)
        shift[name] = np.abs(moved).mean()
    assert shift["few"] > 3 * shift["many"]


def test_a_lonely_spot_falls_back_to_the_tissue():
    shares = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    graph = sp.csr_matrix(np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    local = priors.local_composition(shares, priors.averaging(graph), trust=1.0)
    np.testing.assert_allclose(local, [[0, 1], [1, 0], [0.5, 0.5]])


def test_shuffling_the_image_keeps_features_within_sections(tissue):
    plain = priors.image_graph(tissue)
    mixed = priors.image_graph(tissue, shuffled=True)
    assert (plain != mixed).nnz > 0
    assert ((plain != 0) != (mixed != 0)).nnz == 0


def test_the_strongest_prior_as_good_as_the_best_wins():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, 400)
    gains = {
        ("none", 0.0): np.zeros(400),
        ("spatial", 3.0): 1 + 0.1 * noise,
        ("spatial", 10.0): 1 + rng.normal(0, 1, 400) - 0.01,
        ("spatial", 30.0): -1 + noise,
    }
    assert strongest(gains) == ("spatial", 10.0)


def test_shares_of_nothing_are_equal_and_sizes_divide():
    np.testing.assert_allclose(outputs.shares(np.zeros((1, 4))), 0.25)
    np.testing.assert_allclose(
        outputs.shares(np.array([[2.0, 2.0]]), np.array([1.0, 3.0])), [[0.75, 0.25]]
    )


def test_dispersion_is_found_and_weighs_genes_of_many_counts_down():
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.full(100, 0.5), 3).T
    amounts = rng.dirichlet(np.ones(3), 400)
    mean = 3000 * amounts @ profiles.T
    for planted in (0.0, 0.2):
        noise = rng.gamma(1 / planted, planted, mean.shape) if planted else 1.0
        counts = sp.csr_matrix(rng.poisson(mean * noise).astype(float))
        mixture = Mixture.of(counts, profiles, 1e12)
        found, level = dispersion(mixture, amounts, np.ones(100))
        assert found == pytest.approx(planted, abs=0.03)
        weights = gene_weights(mixture, amounts, np.ones(100))
        np.testing.assert_allclose(weights, 1 / (1 + found * level))
        wrong = counts.tolil()
        wrong[:, 7] = 500
        robust = Mixture.of(sp.csr_matrix(wrong), profiles, 1e12)
        again, _ = dispersion(robust, amounts, np.ones(100))
        assert again == pytest.approx(planted, abs=0.06)


def test_weighing_genes_helps_where_they_scatter():
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.full(100, 0.5), 4).T
    amounts = rng.dirichlet(np.ones(4), 200)
    mean = 5000 * amounts @ profiles.T
    counts = sp.csr_matrix(
        rng.poisson(mean * rng.gamma(2, 0.5, mean.shape)), dtype=float
    )
    plain = Mixture.of(counts, profiles, 1e12)
    rough = maximum_likelihood(plain)
    weighed = maximum_likelihood(
        plain.weighed(gene_weights(plain, rough.mean, rough.factor))
    )
    error = [np.abs(outputs.shares(f.mean) - amounts).mean() for f in (rough, weighed)]
    assert error[1] < 0.85 * error[0]


def test_the_residual_marks_a_spot_that_the_reference_cannot_explain(problem):
    counts, profiles, amounts = problem
    counts[5] = np.roll(counts[5], 11)
    found = outputs.poisson_residual(sp.csr_matrix(counts), profiles, amounts)
    assert found.argmax() == 5
    assert 0.3 < np.median(found) < 2


def test_rctd_keeps_poor_spots_and_drops_them_as_published(tissue, reference):
    counts = tissue.X.toarray()
    counts[3] = 0
    counts[3, 0] = 5
    tissue.X = sp.csr_matrix(counts)
    hb.deconvolve(tissue, reference, system="rctd", sigma=0.5)
    assert tissue.obsm["proportions"].notna().all(axis=None)
    hb.deconvolve(tissue, reference, system="rctd", sigma=0.5, as_published=True)
    missing = tissue.obsm["proportions"].isna().any(axis=1)
    assert list(np.flatnonzero(missing)) == [3]


def test_rctd_doublet_facts_are_columns(tissue, reference):
    few = tissue[:20].copy()
    hb.deconvolve(few, reference, system="rctd", sigma=0.5, mode="doublet")
    classes = set(few.obs["proportions_spot_class"])
    assert classes <= {"reject", "singlet", "doublet_certain", "doublet_uncertain"}
    assert set(few.obs["proportions_first_type"]) <= set(few.obsm["proportions"])
    assert few.uns["histobridge"]["proportions"]["sigma"] == 0.5
    with pytest.raises(ContractError, match="doublet"):
        hb.deconvolve(few, reference, system="rctd", mode="triplet")


def test_normalised_counts_are_refused_with_a_reason(tissue, reference):
    tissue.X = tissue.X * 0.37
    with pytest.raises(ContractError, match="whole-number"):
        hb.deconvolve(tissue, reference, system="rctd")


def test_tangram_gives_proportions_and_seed_zero_is_a_seed(tissue, reference):
    few = tissue[:30].copy()
    runs = {}
    for seed in (0, 0, 1):
        hb.deconvolve(few, reference, system="tangram", epochs=20, seed=seed)
        runs.setdefault(seed, []).append(few.obsm["proportions"].copy())
    pd.testing.assert_frame_equal(*runs[0])
    assert not np.allclose(runs[0][0], runs[1][0])
    np.testing.assert_allclose(runs[1][0].sum(axis=1), 1.0, atol=1e-6)


def test_spotlight_survives_markers_without_counts(tissue, reference):
    counts = reference.X.toarray()
    mute = (reference.var["marker_of"] == "type1").to_numpy()
    counts[:, mute] = 0
    reference.X = sp.csr_matrix(counts)
    hb.deconvolve(tissue, reference, system="spotlight")
    assert np.isfinite(tissue.obsm["proportions"]).all(axis=None)


def test_card_does_not_need_square_memory():
    spots = hb.data.simulate_tissue(
        1, spots_per_side=40, n_genes=40, microns_per_pixel=20
    )
    kernel = gaussian_kernel(spots, 0.1)
    assert kernel.nnz < 120 * spots.n_obs
    assert (kernel != kernel.T).nnz == 0
