"""Differences between groups of spots that spatial correlation does not explain."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from scipy.spatial.distance import cdist

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.statistics import fit_gls
from histobridge.statistics.covariance import earlier_neighbours


def lattice(side, pitch=100.0):
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    return np.column_stack([x.ravel(), y.ravel()]) * pitch


def correlation(points, scale, nugget):
    smooth = (1 - nugget) * np.exp(-cdist(points, points) / scale)
    return smooth + nugget * np.eye(len(points))


def field(points, scale, nugget, genes, seed):
    root = np.linalg.cholesky(correlation(points, scale, nugget))
    return root @ np.random.default_rng(seed).standard_normal((len(points), genes))


def halves(points):
    return np.column_stack([np.ones(len(points)), points[:, 0] < points[:, 0].mean()])


def reference_gls(y, design, points):
    """One gene by dense algebra and a general optimiser, for comparison."""

    def parts(parameters):
        scale, nugget = np.exp(parameters[0]), 1 / (1 + np.exp(-parameters[1]))
        covariance = correlation(points, scale, nugget)
        left = np.linalg.solve(covariance, np.column_stack([design, y]))
        gram = design.T @ left[:, :2]
        b = np.linalg.solve(gram, design.T @ left[:, 2])
        rest = y - design @ b
        variance = rest @ np.linalg.solve(covariance, rest) / (len(y) - 2)
        logs = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(gram)[1]
        loss = 0.5 * ((len(y) - 2) * np.log(variance) + logs)
        return loss, b[1], np.sqrt(variance * np.linalg.inv(gram)[1, 1])

    starts = [(np.log(scale), logit) for scale in (60, 200, 700) for logit in (-2, 1)]
    extent = np.linalg.norm(np.ptp(points, axis=0))
    bounds = [(np.log(100 / 3), np.log(extent)), (-7, 7)]
    fits = [
        optimize.minimize(
            lambda p: parts(p)[0],
            s,
            bounds=bounds,
            method="Nelder-Mead",
            options={"xatol": 1e-5, "fatol": 1e-9},
        )
        for s in starts
    ]
    return parts(min(fits, key=lambda fit: fit.fun).x)[1:]


@pytest.mark.parametrize(("scale", "nugget"), [(150, 0.2), (300, 0.5)])
def test_every_gene_has_the_maximum_of_a_dense_optimiser(scale, nugget):
    points = lattice(8)
    values, design = field(points, scale, nugget, 2, seed=3), halves(points)
    fit = fit_gls(values, design, points, np.zeros(len(points)))
    for gene in range(2):
        b, error = reference_gls(values[:, gene], design, points)
        assert fit.estimate[gene] == pytest.approx(b, abs=1e-3)
        z = fit.estimate[gene] / fit.std_error[gene]
        assert z == pytest.approx(b / error, abs=0.05)


def test_false_positives_stay_near_five_per_cent_where_a_t_test_fails():
    points = lattice(14)
    values, design = field(points, 250, 0.3, 400, seed=1), halves(points)
    fit = fit_gls(values, design, points, np.zeros(len(points)))
    p = fit.p_value()
    group = design[:, 1] > 0
    t_test = stats.ttest_ind(values[group], values[~group]).pvalue
    assert (t_test < 0.05).mean() > 0.2
    # 400 genes: two standard errors are .022.
    assert (p < 0.05).mean() <= 0.07 + 0.022


def test_what_is_not_known_of_the_field_widens_the_error():
    points = lattice(10)
    values, design = field(points, 400, 0.5, 30, seed=6), halves(points)
    fit = fit_gls(values, design, points, np.zeros(len(points)))
    assert (fit.widening >= 1).all()
    assert 1.02 < np.median(fit.widening) < 1.5
    plain = 2 * stats.t.sf(np.abs(fit.estimate / fit.std_error), fit.df)
    assert (fit.p_value() >= plain).all()
    random = np.random.default_rng(0).permutation(design)
    known = fit_gls(values, random, points, np.zeros(len(points)))
    # Spots drawn at random tell the field's parameters apart from the difference.
    assert np.median(known.widening) < np.median(fit.widening)


def test_parameters_of_the_field_are_found():
    points = lattice(16)
    values = field(points, 200, 0.3, 40, seed=2)
    fit = fit_gls(values, halves(points), points, np.zeros(len(points)))
    assert 130 < np.median(fit.scale) < 300
    assert 0.15 < np.median(fit.nugget) < 0.45


def test_the_sparse_approximation_agrees_with_the_exact_fit():
    points = lattice(16) + np.random.default_rng(0).uniform(0, 20, (256, 2))
    values, design = field(points, 250, 0.3, 20, seed=4), halves(points)
    sections = np.repeat([0, 1], 128)
    exact = fit_gls(values, design, points, sections)
    sparse = fit_gls(values, design, points, sections, exact=10)
    near = stats.pearsonr(exact.estimate, sparse.estimate).statistic
    assert near > 0.99
    z = exact.estimate / exact.std_error, sparse.estimate / sparse.std_error
    assert np.median(np.abs(z[0] - z[1])) < 0.1


@pytest.mark.parametrize("n", [3, 30, 700])
def test_earlier_neighbours_are_the_nearest_of_the_earlier(n):
    points = np.random.default_rng(n).uniform(size=(n, 2))
    found = earlier_neighbours(points, 5)
    for i in (0, n // 2, n - 1):
        expected = np.argsort(np.linalg.norm(points[:i] - points[i], axis=1))[:5]
        assert set(found[i][found[i] >= 0]) == set(expected)


def test_planted_genes_come_first_and_the_object_stays(tissue, untouched):
    mixture = tissue.obsm["true_proportions"]["type1"]
    tissue.obs["rich"] = np.where(mixture > mixture.median(), "rich", "poor")
    with untouched(tissue):
        table = hb.test_spatial_de(tissue, "rich")
    assert list(table.columns) == [
        "estimate",
        "std_error",
        "statistic",
        "df",
        "p_value",
        "fdr",
        "range",
        "nugget",
    ]
    assert table["p_value"].is_monotonic_increasing
    marked = tissue.var["marker_of"].astype(str).reindex(table.index)
    assert (marked[:2] == "type1").all()
    # Shares of types sum to 1, so markers of others differ too, the other way.
    planted = marked == "type1"
    assert planted[:12].sum() == planted.sum()
    assert (table["estimate"][planted] > 0).all()


def test_levels_can_be_turned_around_and_numbers_are_slopes(tissue):
    options = {"genes": list(tissue.var_names[:5])}
    tissue.obs["side"] = np.where(tissue.obsm["spatial"][:, 0] < 200, "left", "right")
    right = hb.test_spatial_de(tissue, "side", **options)
    left = hb.test_spatial_de(tissue, "side", group="left", **options)
    np.testing.assert_allclose(left["estimate"][right.index], -right["estimate"])
    tissue.obs["number"] = 2.0 * (tissue.obs["side"] == "right")
    slope = hb.test_spatial_de(tissue, "number", **options)
    np.testing.assert_allclose(slope["estimate"], right["estimate"] / 2)


def test_a_covariate_takes_what_is_its_own(tissue):
    depth = np.random.default_rng(0).uniform(0, 10, tissue.n_obs)
    counts = tissue.X.toarray()
    counts[:, 0] = np.round(5 * depth + counts[:, 1])
    tissue.X = counts
    tissue.obs["depth"] = depth
    tissue.obs["high"] = (depth > 5).astype(str)
    gene = [tissue.var_names[0]]
    alone = hb.test_spatial_de(tissue, "high", genes=gene)
    adjusted = hb.test_spatial_de(
        tissue, "high", genes=gene, covariates=["depth", "sample_id"]
    )
    assert adjusted["estimate"].abs().item() < alone["estimate"].abs().item() / 2


def test_missing_groups_are_left_out_and_constant_genes_say_nothing(tissue):
    labels = pd.Series(np.where(np.arange(tissue.n_obs) % 3, "a", "b"))
    labels[::5] = None
    tissue.obs["group"] = pd.Categorical(labels)
    counts = tissue.X.toarray()
    counts[:, 2] = 0
    tissue.X = counts
    genes = list(tissue.var_names[:4])
    table = hb.test_spatial_de(tissue, "group", genes=genes)
    kept = tissue[tissue.obs["group"].notna()].copy()
    pd.testing.assert_frame_equal(table, hb.test_spatial_de(kept, "group", genes=genes))
    assert np.isnan(table.loc[genes[2], "p_value"])
    assert table.loc[genes[:2], "p_value"].notna().all()


def test_spots_without_counts_are_left_out(tissue):
    tissue.obs["half"] = np.where(np.arange(tissue.n_obs) % 2, "a", "b")
    counts = tissue.X.toarray()
    counts[10:50:2] = 0
    tissue.X = counts
    genes = list(tissue.var_names[:3])
    table = hb.test_spatial_de(tissue, "half", genes=genes)
    kept = tissue[counts.sum(axis=1) > 0].copy()
    pd.testing.assert_frame_equal(table, hb.test_spatial_de(kept, "half", genes=genes))
    tissue.X = np.zeros_like(counts)
    with pytest.raises(ContractError, match="on 0 spots"):
        hb.test_spatial_de(tissue, "half")


def test_numbers_are_groups_where_a_group_is_named(tissue):
    genes = list(tissue.var_names[:3])
    code = tissue.obs["domain"].cat.codes.to_numpy()
    tissue.obs["named"] = np.where(code == 2, "two", "other")
    wanted = hb.test_spatial_de(tissue, "named", group="two", genes=genes)
    mixed = np.array(["x", 2], dtype=object)[(code == 2).astype(int)]
    for column in (code, code.astype(float), pd.Categorical(code), mixed):
        tissue.obs["code"] = column
        for group in ("2", 2, 2.0):
            table = hb.test_spatial_de(tissue, "code", group=group, genes=genes)
            pd.testing.assert_frame_equal(table, wanted)
    tissue.obs["is"] = code == 2
    table = hb.test_spatial_de(tissue, "is", group=True, genes=genes)
    pd.testing.assert_frame_equal(table, wanted)


def test_a_gene_that_the_groups_determine_says_nothing(tissue):
    """A level of one spot, and a gene that was counted there alone."""
    counts = tissue.X.toarray()
    counts[:, 0] = 0
    tissue.obs["one"] = np.where(np.arange(tissue.n_obs) == 5, "a", "b")
    genes = list(tissue.var_names[:4])
    tissue.X = counts
    without = hb.test_spatial_de(tissue, "one", genes=genes)
    alone = counts.copy()
    alone[5, 0] = 9
    # As deep as before, so that the other genes are what they were.
    alone[5, counts[5].argmax()] -= 9
    tissue.X = alone
    table = hb.test_spatial_de(tissue, "one", genes=genes)
    pd.testing.assert_frame_equal(table, without)
    assert table.loc[genes[0]].isna().all()
    nothing = hb.test_spatial_de(tissue, "one", genes=genes[:1])
    assert nothing.isna().all(axis=None)


def test_what_cannot_be_tested_is_refused(tissue):
    tissue.obs["endless"] = np.where(np.arange(tissue.n_obs) == 3, np.inf, 1.0)
    with pytest.raises(ContractError, match="infinite"):
        hb.test_spatial_de(tissue, "endless")
    with pytest.raises(ContractError, match=r"obs\['nothing'\]"):
        hb.test_spatial_de(tissue, "nothing")
    with pytest.raises(ContractError, match="a group = to compare"):
        hb.test_spatial_de(tissue, "domain")
    with pytest.raises(ContractError, match="a level of"):
        hb.test_spatial_de(tissue, "domain", group="moon")
    with pytest.raises(ContractError, match="genes among"):
        hb.test_spatial_de(tissue, "domain", group="domain1", genes=["moon"])
    tissue.obs["same"] = tissue.obs["domain"] == "domain1"
    with pytest.raises(ContractError, match="beyond its covariates"):
        hb.test_spatial_de(tissue, "same", covariates=["domain"])
