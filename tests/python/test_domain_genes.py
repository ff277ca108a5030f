"""Genes of domains: planted markers, false discoveries, double dipping, saliency."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import histobridge as hb
from histobridge import statistics
from histobridge.contract import ContractError
from histobridge.data.simulate_fields import smooth_fields
from histobridge.normalisation import log_normalise

SIDE, DOMAINS, MARKERS, GENES = 24, 3, 20, 200


def planted(seed, sections=2, markers=MARKERS, smooth=0.5):
    """Domains with markers of their own among smooth genes that ignore them."""
    rng = np.random.default_rng(seed)
    parts = []
    for section in range(sections):
        domain = smooth_fields(rng, DOMAINS, SIDE, 3.0).argmax(axis=0).ravel()
        fields = smooth_fields(rng, GENES, SIDE, 3.0).reshape(GENES, -1).T
        log_rate = np.log(8.0) + smooth * fields
        of = np.repeat(np.arange(DOMAINS), markers)
        log_rate[:, : len(of)] = np.log(4.0) + 1.0 * (domain[:, None] == of)
        y, x = np.divmod(np.arange(SIDE**2), SIDE)
        part = ad.AnnData(sp.csr_matrix(rng.poisson(np.exp(log_rate)).astype(float)))
        part.obs_names = [f"{section}_{i}" for i in range(SIDE**2)]
        part.obs["sample_id"] = part.obs["patient"] = f"s{section}"
        part.obs["domain"] = [f"d{d}" for d in domain]
        part.obsm["spatial"] = np.column_stack([x, y]) * 100.0
        parts.append(part)
    adata = ad.concat(parts)
    adata.var_names = [f"g{i:03d}" for i in range(GENES)]
    return adata, {f"d{d}": set(adata.var_names[: len(of)][of == d]) for d in range(3)}


def structureless(seed):
    """Counts of one rate everywhere."""
    rng = np.random.default_rng(seed)
    adata, _ = planted(seed, sections=1)
    adata.X = sp.csr_matrix(rng.poisson(3.0, adata.shape).astype(float))
    del adata.obs["domain"]
    return adata


def proportion_false(table, truth, column):
    """Genes called that differ in no domain, among those called."""
    called = table[table[column] <= 0.05]
    real = set.union(*truth.values())
    return (~called["gene"].isin(real)).sum() / max(len(called), 1)


@pytest.fixture(scope="module")
def tables():
    made = [planted(seed) for seed in range(6)]
    return [
        (hb.find_domain_genes(adata, draws=199), adata, truth) for adata, truth in made
    ]


def test_planted_markers_are_found(tables):
    for table, _, truth in tables:
        for domain, genes in truth.items():
            own = table[(table["domain"] == domain) & table["gene"].isin(genes)]
            assert (own["fdr"] <= 0.05).mean() > 0.8
            assert (own["log_fold_change"] > 0.5).all()


def test_smooth_genes_that_ignore_domains_are_rarely_called(tables):
    shifted = [proportion_false(t, truth, "fdr") for t, _, truth in tables]
    ranked = [proportion_false(t, truth, "wilcoxon_fdr") for t, _, truth in tables]
    assert np.mean(ranked) > 0.2
    assert np.mean(shifted) < 0.06


def test_shifts_hold_their_level_without_any_marker():
    adata, _ = planted(11, sections=2, markers=0)
    table = hb.find_domain_genes(adata, draws=199)
    assert (table["p_value"] <= 0.05).mean() < 0.07
    assert (table["wilcoxon_p_value"] <= 0.05).mean() > 0.4


def test_thinning_removes_what_double_dipping_finds():
    twice, once = [], []
    for seed in range(3):
        adata = structureless(seed)[:, :60].copy()
        hb.find_domains(adata, 3, system="nichepca", components=5, neighbours=6)
        before = adata.obs["domain"].copy()
        for thinned, rates in ((False, twice), (None, once)):
            table = hb.find_domain_genes(adata, thinned=thinned, draws=99, seed=seed)
            rates.append((table["p_value"] <= 0.05).mean())
        assert adata.obs["domain"].equals(before)
    assert np.mean(twice) > 0.12
    assert np.mean(once) < 0.07


def test_halves_are_independent_and_add_up():
    rng = np.random.default_rng(0)
    counts = sp.csr_matrix(rng.poisson(4.0, (500, 80)).astype(float))
    first, second = statistics.split_counts(counts)
    assert abs(first + second - counts).max() == 0
    a, b = first.toarray().ravel(), second.toarray().ravel()
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.02


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_rank_sums_are_those_of_scipy(seed, size):
    rng = np.random.default_rng(seed)
    values = rng.poisson(1.0, (40, 5)).astype(float)
    inside = np.zeros((40, 1), dtype=bool)
    inside[rng.permutation(40)[:size]] = True
    ours = statistics.wilcoxon_p(sp.csr_matrix(values), inside)[:, 0]
    theirs = stats.mannwhitneyu(
        values[inside[:, 0]],
        values[~inside[:, 0]],
        method="asymptotic",
        use_continuity=False,
    ).pvalue
    assert np.allclose(ours, theirs)


def test_pseudobulk_is_the_paired_t_test_between_patients(tables):
    table, adata, truth = tables[0]
    inside = (adata.obs["domain"] == "d0").to_numpy()
    gene = sorted(truth["d0"])[0]
    differences = []
    for patient in ("s0", "s1"):
        own = (adata.obs["patient"] == patient).to_numpy()
        sides = [np.asarray(adata.X[own & s].sum(axis=0))[0] for s in (inside, ~inside)]
        cpm = [np.log2((side + 0.5) / (side.sum() + 1) * 1e6) for side in sides]
        differences.append((cpm[0] - cpm[1])[adata.var_names.get_loc(gene)])
    row = table[(table["domain"] == "d0") & (table["gene"] == gene)].iloc[0]
    expected = stats.ttest_1samp(differences, 0).pvalue
    assert row["pseudobulk_p_value"] == pytest.approx(expected, rel=1e-6)
    one = hb.find_domain_genes(adata[: SIDE**2].copy(), draws=9)
    assert one["pseudobulk_p_value"].isna().all()
    adata = adata.copy()
    adata.obs["patient"] = adata.obs["patient"].astype(object).replace("s1", None)
    unknown = hb.find_domain_genes(adata, draws=9)
    assert unknown["pseudobulk_p_value"].isna().all()


def test_shifting_is_exhausted_on_a_small_section():
    x, y = np.meshgrid(np.arange(4.0), np.arange(3.0))
    points = np.column_stack([x.ravel(), y.ravel()])
    shifts = statistics.section_shifts(points, np.zeros(12), 999)
    assert len(shifts) == 8 * 6 - 1
    assert not (shifts == np.arange(12)).all(axis=1).any()


def test_differences_between_sections_are_no_domain_genes():
    adata, _ = planted(3, markers=0, smooth=0.0)
    first = (adata.obs["sample_id"] == "s0").to_numpy()
    counts = adata.X.toarray()
    counts[first, :5] *= 4
    adata.X = sp.csr_matrix(counts)
    adata.obs["domain"] = np.where(first & (adata.obs["domain"] == "d0"), "a", "b")
    table = hb.find_domain_genes(adata, draws=199).set_index(["domain", "gene"])
    batch = table.loc["a"].loc[adata.var_names[:5]]
    assert (batch["wilcoxon_fdr"] <= 0.05).all()
    assert (batch["fdr"] > 0.05).all()


def test_saliency_finds_markers_and_its_genes_carry_the_margin():
    adata, truth = planted(1)
    table = hb.find_domain_genes(adata, method="saliency", draws=199)
    for domain, genes in truth.items():
        own = table[table["domain"] == domain]
        top = own.reindex(own["statistic"].abs().sort_values(ascending=False).index)
        real = set.union(*truth.values())
        assert top["gene"].head(10).isin(real).mean() >= 0.8
        assert own[own["gene"].isin(genes)]["statistic"].median() > 0
        assert (own["deletion"] > own["deletion_random"]).all()


def test_saliency_is_the_slope_of_the_margin():
    from histobridge.integration.saliency import MarginSaliency

    adata, _ = planted(2, sections=1)
    values = log_normalise(adata.X)
    inside = (adata.obs["domain"] == "d0").to_numpy(dtype=float)[:, None]
    inside -= inside.mean()
    model = MarginSaliency(values)
    dense = values.toarray()
    scaled = (dense - dense.mean(axis=0)) / dense.std(axis=0)
    margin = scaled @ model(inside)[:, 0]
    assert np.corrcoef(margin, inside[:, 0])[0, 1] > 0.9


def test_refusals_and_an_untouched_object(tables):
    _, adata, _ = tables[0]
    before = adata.copy()
    with pytest.raises(ContractError, match="expected a method"):
        hb.find_domain_genes(adata, method="gradient")
    with pytest.raises(ContractError, match="thinned=False"):
        hb.find_domain_genes(adata, thinned=True)
    with pytest.raises(ContractError, match="draws"):
        hb.find_domain_genes(adata, draws=0)
    with pytest.raises(ContractError, match="domains"):
        hb.find_domain_genes(adata, "nothing")
    assert set(adata.obs) == set(before.obs) and dict(adata.uns) == dict(before.uns)
    pd.testing.assert_frame_equal(adata.obs, before.obs)
