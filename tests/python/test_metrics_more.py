"""Metrics against SciPy, scikit-learn, scikit-image, statsmodels or a closed form."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.spatial.distance import cdist, jensenshannon
from scipy.stats import (
    binomtest,
    entropy,
    pearsonr,
    spearmanr,
)
from skimage.metrics import structural_similarity
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from histobridge import graphs
from histobridge.evaluation import metrics
from histobridge.evaluation.metrics.labels import gaussian_weights


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def pair(rng):
    truth = rng.gamma(2, 1, (50, 7)).round(1)
    return truth + rng.normal(0, 1, truth.shape), truth


def lattice(side):
    return np.stack(np.divmod(np.arange(side**2), side), axis=1).astype(float)[:, ::-1]


# Expression ---------------------------------------------------------------------


def test_spearman_is_scipys_with_ties(pair):
    expected = [spearmanr(a, b)[0] for a, b in zip(*(m.T for m in pair), strict=True)]
    np.testing.assert_allclose(metrics.spearman_columns(*pair), expected)
    assert (metrics.spearman_columns(pair[0] * 0, pair[1]) == 0).all()


def test_r2_is_scikit_learns_when_the_training_mean_is_that_of_the_truth(pair):
    guess, truth = pair
    found = metrics.r2_train_mean(guess, truth, truth.mean(axis=0))
    expected = r2_score(truth, guess, multioutput="raw_values")
    np.testing.assert_allclose(found, expected)


def test_r2_of_the_training_mean_is_zero_whatever_the_shift(pair):
    _, truth = pair
    mean = truth.mean(axis=0) + 3
    guess = np.broadcast_to(mean, truth.shape)
    np.testing.assert_allclose(metrics.r2_train_mean(guess, truth, mean), 0)
    np.testing.assert_allclose(metrics.r2_train_mean(truth, truth, mean), 1)
    assert (metrics.r2_train_mean(truth, guess, mean) == 0).all()


@given(st.integers(1, 300), st.floats(0, 1))
def test_the_fraction_has_scipys_exact_interval(n, share):
    hits = int(share * n)
    values = np.r_[np.full(hits, 0.31), np.full(n - hits, 0.3)]
    value, low, high = metrics.fraction_above(values, 0.3)
    expected = binomtest(hits, n).proportion_ci(method="exact")
    assert value == hits / n
    np.testing.assert_allclose((low, high), expected, atol=1e-9)


@pytest.mark.parametrize("dispersion", [0.1, 1.0, 4.0])
def test_nb_deviance_is_that_of_statsmodels(dispersion, rng):
    families = pytest.importorskip("statsmodels.genmod.families")
    counts = rng.poisson(3, (80, 4)).astype(float)
    mean = rng.gamma(3, 1, counts.shape)
    family = families.NegativeBinomial(alpha=dispersion)
    expected = [family.deviance(c, m) / 80 for c, m in zip(counts.T, mean.T)]  # noqa: B905
    np.testing.assert_allclose(metrics.nb_deviance(mean, counts, dispersion), expected)


def test_nb_deviance_without_dispersion_is_poissons(rng):
    from sklearn.metrics import mean_poisson_deviance

    counts = rng.poisson(3, (80, 2)).astype(float)
    mean = rng.gamma(3, 1, counts.shape)
    expected = [mean_poisson_deviance(c, m) for c, m in zip(counts.T, mean.T)]  # noqa: B905
    np.testing.assert_allclose(metrics.nb_deviance(mean, counts, 0), expected)
    each = metrics.nb_deviance(mean, counts, np.array([0.0, 1e-7]))
    np.testing.assert_allclose(each, expected, rtol=1e-4)


# Groups of genes --------------------------------------------------------------


def test_deciles_are_those_of_pandas(rng):
    by, scores = rng.random(97), rng.random(97)
    found = metrics.by_decile(scores, by)
    groups = pd.qcut(pd.Series(by), 10, labels=False)
    assert found["n"].between(9, 10).all()
    assert found["n"].sum() == 97
    assert (found["low"].iloc[1:].to_numpy() > found["high"].iloc[:-1].to_numpy()).all()
    even = metrics.by_decile(scores[:90], by[:90])
    groups = pd.qcut(pd.Series(by[:90]), 10, labels=False)
    expected = pd.Series(scores[:90]).groupby(groups).mean()
    np.testing.assert_allclose(even["mean"], expected)
    assert len(metrics.by_decile(scores[:3], by[:3])) == 3


# Structural similarity --------------------------------------------------------------


def test_global_ssim_is_one_window_of_scikit_image(rng):
    side = 15
    x, y = rng.gamma(2, 1, (2, side**2, 5))
    found = metrics.ssim_global(x, y)
    for gene in range(5):
        a, b = (m[:, gene].reshape(side, side) / m[:, gene].max() for m in (x, y))
        _, image = structural_similarity(
            a, b, win_size=side, data_range=1, full=True, use_sample_covariance=False
        )
        assert found[gene] == pytest.approx(image[side // 2, side // 2])
    np.testing.assert_allclose(metrics.ssim_global(x, 3 * x), 1)


@pytest.mark.parametrize("window", [3, 7])
def test_windowed_ssim_is_scikit_images(window, rng):
    x, y = rng.gamma(2, 1, (2, 20, 26))
    expected = structural_similarity(
        x / x.max(),
        y / y.max(),
        win_size=window,
        data_range=1,
        use_sample_covariance=False,
    )
    assert metrics.ssim_windowed(x, y, window=window) == pytest.approx(expected)


def test_pixels_outside_the_tissue_do_not_count(rng):
    x, y = rng.gamma(2, 1, (2, 20, 20))
    mask = np.zeros((20, 20), bool)
    mask[:, :13] = True
    other = np.where(mask, y, 1e6)
    found = metrics.ssim_windowed(x, y, mask)
    assert metrics.ssim_windowed(x, other, mask) == pytest.approx(found)


def test_a_map_is_drawn_where_its_spots_are(rng):
    points = lattice(9) * 100 + 5
    values = rng.random(81)
    kept = rng.permutation(81)[:70]
    image, mask = metrics.rasterise(points[kept], values[kept])
    expected = np.zeros(81)
    expected[kept] = values[kept]
    np.testing.assert_allclose(image.ravel(), expected)
    assert mask.sum() == 70


# Domains ----------------------------------------------------------------------------


def test_v_measure_from_entropies(rng):
    truth, labels = rng.integers(0, 4, 200), rng.integers(0, 3, 200)
    joint = np.histogram2d(truth, labels, (4, 3))[0] / 200
    rows, columns = joint.sum(axis=1), joint.sum(axis=0)
    mutual = entropy(rows) + entropy(columns) - entropy(joint.ravel())
    homogeneity, completeness = mutual / entropy(rows), mutual / entropy(columns)
    expected = 2 * homogeneity * completeness / (homogeneity + completeness)
    assert metrics.v_measure(truth, labels) == pytest.approx(expected)


def test_chaos_and_pas_by_hand(rng):
    points, labels = rng.random((60, 2)), rng.integers(0, 4, 60)
    labels[:2] = 9
    scaled = (points - points.mean(axis=0)) / points.std(axis=0)
    apart = cdist(scaled, scaled) + np.diag(np.full(60, np.inf))
    total = sum(
        apart[i, labels == labels[i]].min() for i in range(60) if labels[i] != 9
    )
    assert metrics.chaos(labels, points) == pytest.approx(total / 60)
    apart = cdist(points, points) + np.diag(np.full(60, np.inf))
    other = [(labels[np.argsort(a)[:10]] != c).sum() > 5 for a, c in zip(apart, labels)]  # noqa: B905
    assert metrics.pas(labels, points) == pytest.approx(np.mean(other))


def test_one_domain_is_compact():
    points = lattice(12)
    assert metrics.pas(np.zeros(144), points) == 0
    assert metrics.chaos(np.zeros(144), points) == pytest.approx(1 / points[:, 0].std())
    halves = (points[:, 0] > 5).astype(int)
    assert (
        metrics.pas(halves, points)
        < 0.1
        < metrics.pas(halves[::-5].repeat(5)[:144], points)
    )


def test_lisi_weights_have_the_perplexity_by_another_solver(rng):
    distance = np.sort(rng.random((20, 60)), axis=1)
    weights = gaussian_weights(distance, 15.0)
    for row, found in zip(distance, weights, strict=True):

        def excess(log_beta, row=row):
            w = np.exp(-np.exp(log_beta) * (row - row.min()))
            return entropy(w) - np.log(15.0)

        beta = np.exp(brentq(excess, -10, 15))
        expected = np.exp(-beta * (row - row.min()))
        np.testing.assert_allclose(found, expected / expected.sum(), atol=1e-6)


def test_lisi_is_the_number_of_labels_that_mix(rng):
    points = rng.random((1500, 2))
    assert metrics.lisi(np.zeros(1500), points) == pytest.approx(1)
    weights = gaussian_weights(graphs.nearest(points, 90)[0], 30.0)
    square = (weights**2).sum(axis=1).mean()
    for k in (2, 5):
        draws = [metrics.lisi(rng.integers(0, k, 1500), points) for _ in range(8)]
        # Labels at random: E sum(p^2) = 1/k + (1 - 1/k) sum(w^2).
        expected = 1 / k + (1 - 1 / k) * square
        assert np.mean(1 / np.array(draws)) == pytest.approx(expected, rel=0.02)
    halves = (points[:, 0] > 0.5).astype(int)
    far = np.abs(points[:, 0] - 0.5) > 0.3
    assert metrics.lisi(halves, points)[far] == pytest.approx(1)


# Proportions ------------------------------------------------------------------------


@pytest.fixture
def proportions(rng):
    truth = rng.dirichlet(np.full(5, 0.4), 60)
    truth[truth < 0.05] = 0
    truth /= truth.sum(axis=1, keepdims=True)
    return rng.dirichlet(np.full(5, 0.7), 60), truth


def test_scores_by_type_are_those_of_scipy_and_scikit_learn(proportions):
    estimate, truth = proportions
    pairs = list(zip(estimate.T, truth.T, strict=True))
    for found, score in (
        (metrics.type_rmse, lambda e, t: root_mean_squared_error(t, e)),
        (metrics.type_pearson, lambda e, t: pearsonr(e, t)[0]),
        (metrics.type_jensen_shannon, lambda e, t: jensenshannon(e, t, base=2)),
        (metrics.type_auprc, lambda e, t: average_precision_score(t > 0, e)),
    ):
        np.testing.assert_allclose(found(estimate, truth), [score(*p) for p in pairs])


@pytest.mark.parametrize("level", [0.01, 0.05, 0.3])
def test_f1_is_scikit_learns(level, proportions):
    estimate, truth = proportions
    said, present = estimate > level, truth > 0
    for by, average in (("spot", "samples"), ("type", "macro")):
        found = metrics.presence_f1(estimate, truth, level, by)
        expected = f1_score(present, said, average=average, zero_division=0)
        assert found.mean() == pytest.approx(expected)
    found = metrics.presence_f1(estimate, truth, level)
    assert found == pytest.approx(f1_score(present.ravel(), said.ravel()))


def test_a_type_that_is_absent(proportions):
    estimate, truth = (p.copy() for p in proportions)
    truth[:, 0] = 0
    estimate[:, 1] = 0
    truth[:, 2] = estimate[:, 2] = 0
    distance = metrics.type_jensen_shannon(estimate, truth)
    assert list(distance[:3]) == [1, 1, 0]
    assert np.isnan(metrics.type_auprc(estimate, truth)[[0, 2]]).all()
    assert metrics.presence_f1(estimate, truth, by="type")[2] == 0


# The catalogue ----------------------------------------------------------------------


def test_auroc_is_scikit_learns_with_ties(proportions):
    estimate, truth = proportions
    estimate = estimate.round(1)
    expected = roc_auc_score((truth > 0).ravel(), estimate.ravel())
    assert metrics.area_under_roc(estimate, truth) == pytest.approx(expected)
    assert np.isnan(metrics.area_under_roc(estimate, truth * 0))


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(1, 2))
def test_the_tuned_level_has_the_best_f1_of_all_levels(seed, digits):
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(np.full(4, 0.4), 20)
    truth[truth < 0.1] = 0
    estimate = (truth + 0.3 * rng.dirichlet(np.ones(4), 20)).round(digits)
    level = metrics.tuned_level(estimate, truth)
    edges = np.r_[-1, np.unique(estimate) + 1e-9]
    every = [metrics.presence_f1(estimate, truth, edge) for edge in edges]
    assert metrics.presence_f1(estimate, truth, level) == pytest.approx(max(every))


def test_skill_is_r2_about_the_training_mean_when_genes_vary_alike(pair):
    guess, truth = pair
    mean = truth.mean(axis=0)
    expected = r2_score(truth, guess, multioutput="variance_weighted")
    assert metrics.mse_skill(guess, truth, mean) == pytest.approx(expected)
    assert metrics.mse_skill(np.tile(mean + 1, (50, 1)), truth, mean + 1) == 0


def test_nmi_is_v_measure_and_ari_is_that_of_all_pairs(rng):
    truth, labels = rng.integers(0, 3, 60), rng.integers(0, 4, 60)
    labels[:30] = truth[:30]
    found = metrics.normalised_mutual_information(truth, labels)
    assert found == pytest.approx(metrics.v_measure(truth, labels))
    i, j = np.triu_indices(60, 1)
    same, together = truth[i] == truth[j], labels[i] == labels[j]
    both, chance = (same & together).sum(), same.sum() * together.sum() / len(i)
    most = (same.sum() + together.sum()) / 2
    expected = (both - chance) / (most - chance)
    assert metrics.adjusted_rand(truth, labels) == pytest.approx(expected)


def test_strata_put_patterned_housekeeping_genes_apart(rng):
    genes = [*metrics.HOUSEKEEPING["human"], *(f"g{i}" for i in range(89))]
    scores, expression = rng.random(100), rng.random(100)
    moran = np.arange(100) / 100
    moran[0] = 0.99
    found = metrics.by_stratum(scores, genes, moran, expression)
    parts = found.set_index(["stratum", "group"])
    assert found.groupby("stratum")["n"].sum().eq(100).all()
    assert parts.loc[("housekeeping", "listed, high Moran's I"), "n"] == 1
    listed = parts.loc[("housekeeping", "listed"), "mean"]
    assert listed == pytest.approx(scores[1:11].mean())
    top = parts.loc[("moran", 10), "mean"]
    assert top == pytest.approx(scores[np.argsort(moran)[-10:]].mean())
    mouse = metrics.is_housekeeping(["Vcp", "Th", "VCP"])
    np.testing.assert_array_equal(mouse, [True, False, True])


def test_the_catalogue_names_everything_a_benchmark_writes():
    from histobridge.evaluation.deconvolution import Deconvolution
    from histobridge.evaluation.domains import Domains
    from histobridge.evaluation.translation import Translation

    named = metrics.list_metrics().set_index("task")["name"]
    for problem in (Translation, Domains, Deconvolution):
        assert set(problem.scores) <= set(named[problem.task])
    table = metrics.list_metrics()
    assert not table.duplicated(["name", "task"]).any()
    assert (table["low"] < table["high"]).all()
    assert set(table["better"]) == {"more", "less", "neither"}
    assert all(callable(m.function) for m in metrics.METRICS)
    assert {"rmse_spot", "jsd_spot"} <= metrics.LESS_IS_BETTER


def test_even_depth_explains_nothing(rng):
    guess, truth = rng.normal(size=(2, 12, 4))
    found = metrics.partial_pearson(guess, truth, np.full(12, 1234.0))
    np.testing.assert_allclose(found, metrics.pearson_columns(guess, truth))


def test_chaos_of_spots_in_one_row():
    points = np.column_stack([np.zeros(6), np.arange(6.0)])
    step = 1 / np.arange(6.0).std()
    assert metrics.chaos(np.repeat([0, 1], 3), points) == pytest.approx(step)


def test_fractional_counts_have_no_noise_ceiling(rng):
    counts = sp.csr_matrix(rng.poisson(3, (40, 5)).astype(float))
    assert np.isfinite(metrics.noise_ceiling(counts, np.arange(5))).all()
    assert np.isnan(metrics.noise_ceiling(counts * 1.3, np.arange(5))).all()
