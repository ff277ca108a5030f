"""Every metric against SciPy, scikit-learn or a closed form."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import pearsonr
from sklearn.linear_model import LinearRegression
from sklearn.metrics import adjusted_rand_score, average_precision_score

from histobridge.evaluation import metrics
from histobridge.evaluation.metrics import weighted_ari
from histobridge.evaluation.result import Benchmark, block_weights, interval, tidy
from histobridge.normalisation import (
    column_moments,
    log_normalise,
    pearson_columns,
    variable_genes,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def pair(rng):
    """Related (50, 7) prediction and truth on the scale of log1p CP10k."""
    truth = rng.gamma(2, 1, (50, 7))
    return truth + rng.normal(0, 1, truth.shape), truth


def each(x, y):
    return np.array([pearsonr(a, b)[0] for a, b in zip(x.T, y.T, strict=True)])


def test_pearson_columns_is_scipys(pair):
    np.testing.assert_allclose(pearson_columns(*pair), each(*pair))


@pytest.mark.parametrize("level", [0.0, 0.1, 5.3, 1e6])
def test_a_constant_predictor_scores_zero_and_never_nan(level, pair):
    _, truth = pair
    constant = np.full(truth.shape, level)
    weights = np.random.default_rng(1).integers(0, 4, (9, len(truth)))
    assert (pearson_columns(constant, truth) == 0).all()
    assert (metrics.weighted_pearson(constant, truth, weights) == 0).all()
    assert (metrics.partial_pearson(constant, truth, np.arange(50) + 1) == 0).all()
    assert metrics.spot_pearson(constant, truth) == 0
    assert metrics.pooled_pearson(constant, truth) == 0
    assert metrics.gene_centred_spot_pearson(truth * 0, truth, np.zeros(7)) == 0


def test_the_training_mean_scores_high_per_spot_and_zero_when_centred(rng):
    """Why per-spot figures are never shown alone."""
    level = rng.gamma(1, 3, 200)
    truth = level + rng.normal(0, 0.5, (40, 200))
    mean = np.tile(level, (40, 1))
    assert metrics.spot_pearson(mean, truth) > 0.9
    assert metrics.gene_centred_spot_pearson(mean, truth, level) == 0
    assert (pearson_columns(mean, truth) == 0).all()


def test_spot_and_pooled_pearson_are_scipys(pair):
    x, y = pair
    assert metrics.spot_pearson(x, y) == pytest.approx(each(x.T, y.T).mean())
    assert metrics.pooled_pearson(x, y) == pytest.approx(
        pearsonr(x.ravel(), y.ravel())[0]
    )
    mean = y.mean(axis=0)
    centred = each((x - mean).T, (y - mean).T).mean()
    assert metrics.gene_centred_spot_pearson(x, y, mean) == pytest.approx(centred)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 1e4))
def test_weighted_pearson_is_that_of_repeated_rows(seed, level):
    rng = np.random.default_rng(seed)
    x = rng.normal(level, 1, (20, 4))
    y = x + rng.normal(size=x.shape)
    weights = rng.integers(0, 4, (6, 20))
    weights[:, :3] = 1
    expected = [each(x.repeat(w, axis=0), y.repeat(w, axis=0)) for w in weights]
    np.testing.assert_allclose(
        metrics.weighted_pearson(x, y, weights), expected, atol=1e-9
    )


def test_partial_pearson_is_that_of_regression_residuals(pair, rng):
    x, y = pair
    depth = rng.integers(1, 5000, len(x))
    x, y = x + np.log(depth)[:, None], y + np.log(depth)[:, None]
    design = np.log(depth)[:, None]
    left, right = (
        v - LinearRegression().fit(design, v).predict(design) for v in (x, y)
    )
    found = metrics.partial_pearson(x, y, depth)
    np.testing.assert_allclose(found, each(left, right))
    assert (found < pearson_columns(x, y)).all()


def test_partial_pearson_of_depth_alone_is_zero(pair, rng):
    depth = rng.integers(1, 5000, 50)
    guess = 3.0 + np.log(depth)[:, None] * np.arange(1, 8)
    assert (metrics.partial_pearson(guess, pair[1], depth) == 0).all()


@pytest.mark.parametrize("depth", [300, 3000, 30_000])
def test_noise_ceiling_is_the_correlation_of_the_truth_with_its_counts(depth, rng):
    """Poisson counts of a known mean: no predictor can beat the mean itself."""
    n, genes = 600, 80
    share = rng.gamma(2, 1, genes) * np.exp(rng.normal(0, 0.4, (n, genes)))
    share /= share.sum(axis=1, keepdims=True)
    counts = sp.csr_matrix(rng.poisson(depth * share).astype(float))
    truth = np.log1p(1e4 * share)
    best = pearson_columns(truth, log_normalise(counts).toarray())
    ceiling = metrics.noise_ceiling(counts, np.arange(genes))
    assert ceiling.mean() == pytest.approx(best.mean(), abs=0.03)
    assert np.corrcoef(ceiling, best)[0, 1] > 0.5


def test_noise_ceiling_without_signal_is_low(rng):
    share = rng.dirichlet(np.ones(50))
    counts = sp.csr_matrix(rng.poisson(2000 * np.tile(share, (2000, 1))).astype(float))
    assert metrics.noise_ceiling(counts, np.arange(50)).mean() < 0.15


def test_jensen_shannon_is_scipys(rng):
    p, q = rng.dirichlet(np.ones(5), (2, 30))
    p[3] = np.eye(5)[0]
    q[3] = np.eye(5)[1]
    q[4] = p[4]
    expected = jensenshannon(p, q, base=2, axis=1) ** 2
    np.testing.assert_allclose(metrics.jensen_shannon(p, q), expected, atol=1e-12)
    assert metrics.jensen_shannon(p, q)[3] == pytest.approx(1)


def test_rmse_and_average_precision(rng):
    p, q = rng.dirichlet(np.ones(5), (2, 30))
    q[q < 0.1] = 0
    rmse = [np.linalg.norm(a - b) / np.sqrt(5) for a, b in zip(p, q, strict=True)]
    np.testing.assert_allclose(metrics.spot_rmse(p, q), rmse)
    expected = average_precision_score((q > 0).ravel(), p.ravel())
    assert metrics.area_under_precision_recall(p, q) == expected


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 5))
def test_weighted_ari_is_scikit_learns_on_repeated_rows(seed, k, m):
    rng = np.random.default_rng(seed)
    truth, labels = rng.integers(k, size=40), rng.integers(m, size=40)
    labels[:20] = truth[:20]
    once = np.ones(40)
    expected = adjusted_rand_score(truth, labels)
    assert weighted_ari(truth, labels, once) == pytest.approx(expected)
    weights = rng.integers(0, 4, 40)
    expected = adjusted_rand_score(truth.repeat(weights), labels.repeat(weights))
    assert weighted_ari(truth, labels, weights.astype(float)) == pytest.approx(expected)


def test_log_normalise_is_log1p_of_counts_per_10000(rng):
    counts = rng.poisson(1, (20, 30)).astype(float)
    counts[4] = 0
    depth = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for given_as in (counts, sp.csr_matrix(counts)):
        before = given_as.copy()
        found = log_normalise(given_as).toarray()
        np.testing.assert_allclose(found, np.log1p(counts / depth * 1e4))
        assert (abs(given_as - before)).sum() == 0


def test_moments_and_variable_genes(rng):
    dense = rng.poisson(1, (20, 30)) * rng.gamma(1, 1, 30)
    dense[:, 7] = 3.0
    mean, variance = column_moments(sp.csr_matrix(dense))
    np.testing.assert_allclose(mean, dense.mean(axis=0))
    np.testing.assert_allclose(variance, dense.var(axis=0), atol=1e-10)
    order = variable_genes(sp.csr_matrix(dense), 5)
    np.testing.assert_array_equal(order, np.argsort(-dense.var(axis=0))[:5])


def test_blocks_are_drawn_whole_and_as_often_as_there_are_blocks(rng):
    blocks = np.array([4, 4, 9, 9, 9, 1])
    weights = block_weights(blocks, 200, rng)
    for block in (1, 4, 9):
        assert (np.ptp(weights[:, blocks == block], axis=1) == 0).all()
    first = [np.flatnonzero(blocks == b)[0] for b in (1, 4, 9)]
    assert (weights[:, first].sum(axis=1) == 3).all()


def test_interval_holds_the_middle_95_per_cent():
    assert interval(np.arange(1001.0), 500.0) == (25.0, 975.0)
    assert interval(np.arange(1001.0), 600.0) == (125.0, 1075.0)
    assert np.isnan(interval(np.empty(0), 0.0)).all()


def test_summary_puts_the_best_first_whether_more_or_less_is_better():
    for metric, best in (("ari", "b"), ("rmse_spot", "a")):
        rows = [
            {"dataset": "d", "protocol": "p", "fold": "all", "status": "house"}
            | {"system": s, "metric": metric, "value": v, "lower": v, "upper": v}
            for s, v in (("a", 0.1), ("b", 0.3))
        ]
        table = Benchmark("domains", tidy(rows), None, (metric,)).summary()
        assert table["system"].iloc[0] == best
