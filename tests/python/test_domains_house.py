"""What gpca_consensus decides without labels: smoothing, normalisation, K."""

import inspect

import numpy as np
import pytest
import scipy.sparse as sp
from anndata import AnnData
from sklearn.metrics import adjusted_rand_score

import histobridge as hb
from histobridge import graphs
from histobridge.integration.consensus import agreement
from histobridge.integration.embedding import (
    GraphSmoother,
    graph_components,
    graph_loadings,
    principal_components,
)
from histobridge.integration.gpca import GraphPCAConsensus
from histobridge.integration.selection import most_repeatable
from histobridge.integration.settled import SETTLED, settled_strength
from histobridge.integration.smoothing import own_share
from histobridge.normalisation import log_normalise, median_depth

SIDE = 24
ROW, COLUMN = np.divmod(np.arange(SIDE**2), SIDE)


@pytest.fixture
def smoother():
    points = np.column_stack([COLUMN, ROW]).astype(float)
    graph = graphs.symmetric(graphs.knn_graph(points, np.zeros(SIDE**2), 6))
    return GraphSmoother(graphs.laplacian(graph))


def test_own_share_is_the_diagonal_of_the_smoother(smoother):
    x = np.random.default_rng(0).normal(size=(SIDE**2, 3))
    exact = np.linalg.inv(np.eye(SIDE**2) + 1.6 * smoother.laplacian.toarray())
    smooth, own = own_share(x, smoother, 1.6)
    np.testing.assert_allclose(smooth, exact @ x, atol=1e-8)
    assert np.abs(own - np.diag(exact)).mean() < 0.03
    assert own.mean() == pytest.approx(np.diag(exact).mean(), abs=0.01)


def test_loadings_give_the_components(smoother):
    x = np.random.default_rng(0).normal(size=(SIDE**2, 5)) * np.arange(5, 0, -1)
    smooth = smoother(x, 0.8)
    by_hand = smooth @ graph_loadings(x, smooth, 3)
    found = graph_components(x, smoother, 0.8, 3)
    np.testing.assert_allclose(np.abs(by_hand), np.abs(found), atol=1e-8)


def blocks(domains, types, seed=0):
    """Scores (n, 10): four quarters of the tissue, and three cell types in each.

    ``domains`` and ``types`` say how far apart they are; types mix freely.
    """
    rng = np.random.default_rng(seed)
    domain = 2 * (ROW >= SIDE // 2) + (COLUMN >= SIDE // 2)
    kind = rng.integers(3, size=SIDE**2)
    scores = 0.6 * rng.normal(size=(SIDE**2, 10))
    scores[:, :4] += domains * np.eye(4)[domain]
    scores[:, 4:7] += types * np.eye(3)[kind]
    return scores - scores.mean(axis=0), domain


def labels_at(scores, smoother, strength, k=4):
    from histobridge.integration import SharedCovarianceMixture

    z = graph_components(scores, smoother, strength, 6)
    return SharedCovarianceMixture(k).fit_predict(z)


def test_smoothing_starts_where_domains_are_told_from_the_surroundings(smoother):
    scores, domain = blocks(1.0, 4.0)
    chosen, curve = settled_strength(scores, smoother, 4, most=12.8)
    assert curve[0.05] < 0.5
    assert curve[chosen] >= SETTLED
    assert chosen == max(curve)
    found = labels_at(scores, smoother, 2 * chosen)
    raw = labels_at(scores, smoother, 0.05)
    assert adjusted_rand_score(domain, found) > 0.9
    assert adjusted_rand_score(domain, raw) < 0.5


def test_clear_domains_need_less_smoothing_than_mixed_cell_types(smoother):
    clear = settled_strength(blocks(3.0, 0.0)[0], smoother, 4, most=12.8)[0]
    mixed = settled_strength(blocks(1.0, 4.0)[0], smoother, 4, most=12.8)[0]
    assert clear < mixed


def test_noise_settles_nowhere_below_the_bound(smoother):
    noise = np.random.default_rng(1).normal(size=(SIDE**2, 10))
    chosen, curve = settled_strength(noise, smoother, 4, most=0.8)
    assert chosen == 0.8
    assert max(curve.values()) < 0.3


def test_one_group_of_nearly_all_spots_is_not_settled(smoother):
    # Without correction for chance, outliers alone would agree by 97 %.
    rng = np.random.default_rng(2)
    scores = 0.1 * rng.normal(size=(SIDE**2, 6))
    scores[rng.choice(SIDE**2, 12, replace=False)] += 20
    chosen, curve = settled_strength(scores, smoother, 2, most=0.4)
    assert chosen == 0.4
    assert max(curve.values()) < SETTLED


def sparse_cells(depth, seed=0):
    """Cells of ``depth`` counts whose two halves differ in the level of ten genes."""
    rng = np.random.default_rng(seed)
    rate = np.tile(np.r_[np.full(10, 4.0), np.ones(20)], (SIDE**2, 1))
    rate[COLUMN >= SIDE // 2, :10] *= np.r_[np.full(5, 1.6), np.full(5, 0.6)]
    rate *= rng.lognormal(0, 0.3, (SIDE**2, 1))
    counts = rng.poisson(rate / rate.mean() * depth / 30).astype(float)
    counts[counts.sum(axis=1) == 0, 0] = 1
    adata = AnnData(sp.csr_matrix(counts))
    adata.obsm["spatial"] = np.column_stack([COLUMN, ROW]) * 10.0
    return adata


def test_median_depth_counts_only_rows_with_counts():
    counts = sp.csr_matrix(np.diag([0.0, 1.0, 5.0, 9.0]))
    assert median_depth(counts) == 5
    assert median_depth(counts * 0) == 1


def test_scores_at_the_median_depth_are_those_of_that_target():
    adata = sparse_cells(100)
    normal = log_normalise(adata.X, np.median(adata.X.sum(axis=1).A1)).toarray()
    u, s, _ = np.linalg.svd(normal - normal.mean(axis=0), full_matrices=False)
    found = principal_components(adata, 3, scale=False, to_median=True)
    np.testing.assert_allclose(np.abs(found), np.abs(u * s)[:, :3], atol=1e-6)


def test_levels_survive_at_the_median_depth_where_cells_hold_few_counts():
    adata, side = sparse_cells(60), COLUMN >= SIDE // 2

    def told(to_median):
        x = principal_components(adata, 1, scale=False, to_median=to_median)
        return abs(np.corrcoef(x[:, 0], side)[0, 1])

    assert told(True) > told(False) + 0.05


def test_agreement_is_the_mean_over_pairs():
    one, other = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    expected = (1 + 2 * adjusted_rand_score(one, other)) / 3
    assert agreement([one, 1 - one, other]) == pytest.approx(expected)
    assert agreement([one]) == 1.0


def test_blurred_groups_take_the_smallest_number_within_an_error():
    jitter = np.array([-0.05, 0.05] * 4)
    curve = {2: 0.4 + jitter, 3: 0.6 + jitter, 4: 0.65 + jitter, 9: 0.66 + jitter}
    assert most_repeatable(curve) == 4


def test_clear_groups_take_the_largest_number_as_good_as_the_best():
    curve = {2: np.full(8, 1.0), 3: np.full(8, 0.7), 4: np.full(8, 1.0)}
    assert most_repeatable(curve) == 4


def test_planted_quarters_are_found_with_and_without_their_number():
    rng = np.random.default_rng(4)
    row, column = np.divmod(np.arange(225), 15)
    domain = 2 * (row >= 7) + (column >= 7)
    level = np.ones((225, 40))
    level[np.arange(225)[:, None], 10 * domain[:, None] + np.arange(10)] = 2.5
    adata = AnnData(sp.csr_matrix(rng.poisson(level).astype(float)))
    adata.obsm["spatial"] = np.column_stack([column, row]) * 100.0
    model = GraphPCAConsensus(dimensions=(6, 10))
    assert adjusted_rand_score(domain, model.fit_predict(adata, 4)) > 0.9
    assert model.facts_["strength"] <= model.facts_["best_predicting_strength"]
    hb.find_domains(adata, seed=1)
    assert adata.obs["domain"].nunique() == 4
    assert adjusted_rand_score(domain, adata.obs["domain"]) > 0.9


def test_seed_k_and_a_hash_of_the_configuration_are_stored(tissue):
    def stored(**asked):
        adata = tissue.copy()
        hb.find_domains(adata, 3, system="nichepca", **asked)
        return adata.uns["histobridge"]["domain"]

    first, other = stored(), stored(seed=5)
    assert (first["k"], first["seed"], other["seed"]) == (3, 0, 5)
    assert first["configuration"] == other["configuration"]
    assert len(first["configuration"]) == 12
    assert stored(neighbours=9)["configuration"] != first["configuration"]


def test_a_benchmark_of_domains_runs_ten_seeds_unless_told():
    asked = inspect.signature(hb.benchmark_domains).parameters
    assert asked["seeds"].default == 10


def abundant_and_weak(seed=0):
    """Layers in many weak genes, beside abundant ones that vary from spot to spot."""
    rng = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(400), 20)
    layer = row // 5
    weak = 0.5 * np.exp(rng.normal(0, 0.35, (4, 120)))[layer]
    abundant = 20.0 * np.exp(rng.normal(0, 1.2, (400, 60)))
    counts = rng.poisson(np.hstack([weak, abundant])).astype(float)
    adata = AnnData(sp.csr_matrix(counts))
    adata.obsm["spatial"] = np.column_stack([column, row]) * 100.0
    return adata, layer


def test_abundant_genes_have_no_greater_say_among_those_of_a_transcriptome():
    adata, layer = abundant_and_weak()
    whole = GraphPCAConsensus(genes=179).fit_predict(adata, 4)
    as_they_vary = GraphPCAConsensus(genes=179, views=((False, ("kmeans", "ward")),))
    assert adjusted_rand_score(layer, whole) > 0.9
    assert adjusted_rand_score(layer, as_they_vary.fit_predict(adata, 4)) < 0.7


@pytest.mark.parametrize(("genes", "views"), [(179, 1), (180, 2)])
def test_a_panel_is_seen_both_ways(genes, views):
    adata, _ = abundant_and_weak()
    model = GraphPCAConsensus(genes=genes).fit(adata)
    assert len(model._views) == views
