"""The blocks of gpca_consensus: mixture, consensus, ring vote, graph smoother."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

import histobridge as hb
from histobridge import contract, graphs
from histobridge.data import simulate_tissue
from histobridge.integration import SharedCovarianceMixture, embedding
from histobridge.integration.consensus import adjusted_rand_of_pairs, consensus
from histobridge.integration.embedding import (
    GraphSmoother,
    component_scores,
    graph_components,
    principal_components,
)
from histobridge.integration.refinement import ring_vote
from histobridge.integration.smoothing import choose_strength
from histobridge.normalisation import log_normalise


def planted(seed, separation=3.5, n=400, k=4, d=5):
    """Draws of a mixture with one shared full covariance (EEE), and their labels."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, separation, (k, d))
    labels = rng.choice(k, n, p=[0.4, 0.3, 0.2, 0.1])
    noise = rng.normal(size=(n, d))
    return (means[labels] + noise) @ rng.normal(size=(d, d)), labels


@pytest.mark.parametrize("seed", range(4))
def test_the_mixture_recovers_planted_groups(seed):
    x, labels = planted(seed)
    found = SharedCovarianceMixture(4).fit_predict(x)
    assert adjusted_rand_score(labels, found) > 0.95


@pytest.mark.parametrize("seed", range(4))
def test_the_mixture_reaches_scikit_learns_tied_likelihood(seed):
    x, _ = planted(seed, separation=2.5)
    model = SharedCovarianceMixture(4).fit(x)
    other = GaussianMixture(
        4, covariance_type="tied", n_init=5, random_state=0, tol=1e-6, max_iter=500
    ).fit(x)
    assert model.log_likelihood_ > other.score(x) * len(x) - 0.1


def test_likelihood_and_responsibilities_are_those_of_the_parameters():
    from scipy.stats import multivariate_normal

    x, _ = planted(0, separation=2.0)
    model = SharedCovarianceMixture(4, tol=1e-12).fit(x)
    joint = model.weights_ * np.column_stack(
        [multivariate_normal.pdf(x, mean, model.covariance_) for mean in model.means_]
    )
    assert model.log_likelihood_ == pytest.approx(np.log(joint.sum(axis=1)).sum())
    expected = joint / joint.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.responsibility_, expected, atol=1e-9)
    assert model.n_parameters() == 3 + 4 * 5 + 15


@pytest.mark.parametrize("seed", range(4))
def test_the_likelihood_never_falls(seed):
    x, _ = planted(seed, separation=1.5)
    path = [
        SharedCovarianceMixture(4, max_iter=i, tol=0).fit(x).log_likelihood_
        for i in range(1, 30)
    ]
    assert np.diff(path).min() > -1e-9 * abs(path[0])
    assert path[-1] > path[0] + 0.1


def test_labels_are_invariant_to_affine_maps():
    x, _ = planted(1)
    expected = SharedCovarianceMixture(4).fit_predict(x)
    shear = np.random.default_rng(9).normal(size=(5, 5))
    for other in (x @ shear, x * [1, 10, 0.1, 3, 1], x + 1e6, -x[:, ::-1]):
        found = SharedCovarianceMixture(4).fit_predict(other)
        assert adjusted_rand_score(found, expected) > 0.99


def test_means_stand_where_the_data_stand():
    x, labels = planted(1)
    model = SharedCovarianceMixture(4).fit(x + 1e6)
    nearest = np.abs(model.means_[:, None] - (x[labels == 0] + 1e6).mean(axis=0))
    assert nearest.max(axis=2).min() < 1


def test_more_rows_than_ward_takes_give_the_same_groups():
    x, labels = planted(2, n=3400)
    found = SharedCovarianceMixture(4).fit_predict(x)
    assert adjusted_rand_score(labels, found) > 0.95


@pytest.mark.parametrize("k", [1, 3])
def test_constant_and_single_columns_do_not_break_the_mixture(k):
    x = np.column_stack([np.linspace(0, 1, 60), np.ones(60)])
    model = SharedCovarianceMixture(k).fit(x)
    assert np.isfinite(model.log_likelihood_)
    assert len(set(model.labels_)) == k


def test_consensus_of_permuted_copies_is_that_partition():
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=100)
    vote = consensus([rng.permutation(4)[labels] for _ in range(7)])
    assert adjusted_rand_score(vote.labels, labels) == 1.0
    assert vote.agreement == 1.0
    assert (vote.support == 1.0).all()


def test_agreement_of_all_pairs_is_that_of_scikit_learn():
    labels = np.random.default_rng(0).integers(0, 4, (5, 300))
    labels[1, :200] = labels[0, :200]
    labels[3:] = 0
    found = adjusted_rand_of_pairs(labels)
    expected = [[adjusted_rand_score(a, b) for a in labels] for b in labels]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_consensus_outvotes_a_stray_member():
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=200)
    stray = rng.integers(4, size=200)
    members = [rng.permutation(4)[labels] for _ in range(4)]
    vote = consensus([stray, *members])
    assert adjusted_rand_score(vote.labels, labels) == 1.0
    # 6 of 10 pairs agree, the others by chance.
    assert vote.agreement == pytest.approx(0.6, abs=0.03)
    # A stray member agrees with one spot in four, or a little more once matched.
    assert set(vote.support) == {0.8, 1.0}
    assert 0.15 < np.mean(vote.support == 1.0) < 0.45


def test_a_small_group_that_loses_every_vote_is_kept():
    large = np.repeat([0, 1], 50)
    members = [large.copy() for _ in range(5)]
    for i, member in enumerate(members):
        member[3 * i : 3 * i + 3] = 2
    vote = consensus(members)
    assert len(np.unique(vote.labels)) == 3
    assert vote.support.min() == pytest.approx(0.2)


@pytest.fixture
def hexagons():
    """Visium-like lattice of 12 x 12 spots with its 6 neighbours."""
    row, column = np.divmod(np.arange(144), 12)
    points = np.column_stack([column + 0.5 * (row % 2), row * np.sqrt(0.75)])
    return row, column, graphs.knn_graph(points, np.zeros(144), 6)


def test_a_stray_spot_takes_the_label_of_its_ring(hexagons):
    row, column, graph = hexagons
    labels = (column > 5).astype(int)
    stray = np.flatnonzero((row == 6) & (column == 2))
    speckled = labels.copy()
    speckled[stray] = 1
    np.testing.assert_array_equal(ring_vote(speckled, graph), labels)


def test_a_line_one_spot_thick_stays(hexagons):
    row, column, graph = hexagons
    labels = (row == 5).astype(int)
    inside = (column > 0) & (column < 11)
    found = ring_vote(labels, graph)
    np.testing.assert_array_equal(found[inside], labels[inside])
    assert (found[row != 5] == 0).all()


def test_a_straight_boundary_stays(hexagons):
    row, _, graph = hexagons
    labels = (row > 5).astype(int)
    np.testing.assert_array_equal(ring_vote(labels, graph), labels)


@pytest.fixture
def laplacian():
    points = np.random.default_rng(0).random((300, 2))
    directed = graphs.knn_graph(points, np.arange(300) % 2, 6)
    return graphs.laplacian(graphs.symmetric(directed))


@pytest.mark.parametrize("strength", [0.0, 0.1, 12.8])
def test_the_smoother_solves_its_system_directly_and_by_iteration(
    strength, laplacian, monkeypatch
):
    x = np.random.default_rng(1).normal(size=(300, 4)) * [1, 100, 1e-3, 0]
    expected = np.linalg.solve(np.eye(300) + strength * laplacian.toarray(), x)
    direct = GraphSmoother(laplacian)(x, strength)
    monkeypatch.setattr(embedding, "DIRECT_LIMIT", 10)
    iterated = GraphSmoother(laplacian)(x, strength)
    scale = np.abs(x).max(axis=0) + 1e-12
    np.testing.assert_allclose(direct / scale, expected / scale, atol=1e-10)
    np.testing.assert_allclose(iterated / scale, expected / scale, atol=2e-4)


def test_all_strengths_at_once_are_what_each_is_alone(laplacian, monkeypatch):
    x = np.random.default_rng(2).normal(size=(300, 11))
    strengths = (0.0, 0.05, 1.6, 102.4)
    direct = [GraphSmoother(laplacian)(x, s) for s in strengths]
    monkeypatch.setattr(embedding, "DIRECT_LIMIT", 10)
    together = GraphSmoother(laplacian).path(x, strengths)
    np.testing.assert_allclose(together, direct, atol=1e-4)


def test_components_of_some_rows_are_those_of_all(monkeypatch):
    rng = np.random.default_rng(3)
    dense = rng.normal(size=(4000, 3)) @ rng.normal(size=(3, 30)) * 5
    matrix = sp.csr_matrix(dense + rng.normal(size=dense.shape))
    monkeypatch.setattr(embedding, "DENSE_LIMIT", 10)
    whole = embedding.component_scores(matrix, 3)
    monkeypatch.setattr(embedding, "MOST_ROWS", 1000)
    some = embedding.component_scores(matrix, 3)
    assert some.shape == whole.shape
    assert not np.array_equal(some, whole)
    np.testing.assert_allclose(some.mean(axis=0), 0, atol=1e-8)
    # The same subspace: what one explains of the other.
    left = np.linalg.lstsq(some, whole, rcond=None)[1]
    assert left.sum() < 0.01 * (whole**2).sum()


def leading(dense, n):
    u, s, _ = np.linalg.svd(dense - dense.mean(axis=0), full_matrices=False)
    return np.abs(u * s)[:, :n]


@pytest.mark.parametrize("shape", [(80, 30), (30, 80)])
def test_components_are_principal_components(shape):
    dense = np.random.default_rng(0).poisson(1.0, shape).astype(float)
    found = component_scores(sp.csr_matrix(dense), 5)
    np.testing.assert_allclose(np.abs(found), leading(dense, 5), atol=1e-6)
    assert (found[np.abs(found).argmax(axis=0), np.arange(5)] > 0).all()


@pytest.mark.parametrize("per_row", [0, 400])
def test_components_of_a_large_sparse_matrix_are_the_same(per_row, monkeypatch):
    matrix = sp.random(21_000, 1000, 0.005, "csr", rng=np.random.default_rng(0))
    # A few strong columns, so that the leading components are apart.
    matrix = (matrix @ sp.diags(np.r_[10.0, 8, 6, 4, np.ones(996)])).tocsr()
    monkeypatch.setattr(embedding, "GENES_PER_ROW", per_row)
    found = component_scores(matrix, 4)
    dense = matrix.toarray()
    dense -= dense.mean(axis=0)
    _, vectors = np.linalg.eigh(dense.T @ dense)
    expected = dense @ vectors[:, :-5:-1]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-6)


def test_components_of_interleaved_sections_are_standardised_within_each(tissue):
    tissue = tissue[np.random.default_rng(0).permutation(tissue.n_obs)].copy()
    normal = log_normalise(tissue.X).toarray()
    for spots in contract.sections(tissue).values():
        normal[spots] /= normal[spots].std(axis=0)
    expected = np.linalg.svd(normal - normal.mean(axis=0), full_matrices=False)
    expected = expected[0] * expected[1]
    for spots in contract.sections(tissue).values():
        expected[spots] -= expected[spots].mean(axis=0)
    found = principal_components(tissue, 5)
    np.testing.assert_allclose(np.abs(found), np.abs(expected)[:, :5], atol=1e-6)


def test_graph_components_without_smoothing_are_principal_components(laplacian):
    x = np.random.default_rng(1).normal(size=(300, 6)) * np.arange(6, 0, -1)
    x -= x.mean(axis=0)
    found = graph_components(x, GraphSmoother(laplacian), 0.0, 3)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    np.testing.assert_allclose(np.abs(found), np.abs(u * s)[:, :3], atol=1e-8)


def test_the_strength_follows_how_broad_the_layers_are(hexagons):
    row, _, graph = hexagons
    smoother = GraphSmoother(graphs.laplacian(graphs.symmetric(graph)))
    noise = 2 * np.random.default_rng(2).normal(size=(144, 5))
    thin, middle, broad = (
        choose_strength(4.0 * (row[:, None] // width % 2) + noise, smoother)[0]
        for width in (2, 3, 6)
    )
    assert thin < middle < broad


def test_domains_do_not_depend_on_seed_order_or_offset():
    adata = simulate_tissue(1, spots_per_side=9, n_genes=60, microns_per_pixel=20)
    other = adata[np.random.default_rng(0).permutation(adata.n_obs)].copy()
    other.obsm["spatial"] = other.obsm["spatial"] + 5000
    hb.find_domains(adata, 4, key_added="found")
    hb.find_domains(other, 4, key_added="found", seed=7)
    known = other.obs["found"].loc[adata.obs_names]
    assert adjusted_rand_score(adata.obs["found"], known) > 0.9
    counted = adata.obs["found"].value_counts(sort=False)
    assert list(counted.index) == ["1", "2", "3", "4"]
    assert counted.is_monotonic_decreasing
