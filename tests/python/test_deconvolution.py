"""Proportions: complete, exact where counts are, smooth only where it helps."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.deconvolution.poisson import PoissonDeconvolver
from histobridge.deconvolution.priors import spatial_graph
from histobridge.deconvolution.signatures import reference_signatures
from histobridge.evaluation.baselines.deconvolution import NonNegativeLeastSquares


def table(adata):
    return adata.obsm["proportions"]


def error(adata):
    truth = adata.obsm["true_proportions"]
    return float(np.sqrt(((table(adata)[truth.columns] - truth) ** 2).mean(axis=None)))


@pytest.fixture
def noiseless(reference, tissue):
    """The first 60 spots as sums of whole profiles, times a size per type."""
    rng = np.random.default_rng(0)
    spots = tissue[:60].copy()
    signatures = reference_signatures(reference, "cell_type", reference.var_names)
    truth = rng.dirichlet(np.full(5, 0.5), 60)
    mean = (truth * signatures.sizes) @ signatures.profiles.T
    spots.X = sp.csr_matrix(np.round(1e6 * mean))
    spots.obsm["true_proportions"] = pd.DataFrame(
        truth, index=spots.obs_names, columns=signatures.types
    )
    return spots


def test_every_spot_and_type_is_there_and_rows_sum_to_one(tissue, reference):
    hb.deconvolve(tissue, reference)
    assert table(tissue).shape == (tissue.n_obs, 5)
    assert list(table(tissue).index) == list(tissue.obs_names)
    assert (table(tissue) >= 0).all(axis=None)
    np.testing.assert_allclose(table(tissue).sum(axis=1), 1.0)
    assert (tissue.obs["proportions_status"] == "fitted").all()


def test_a_spot_without_counts_is_missing_with_a_reason(tissue, reference):
    counts = tissue.X.toarray()
    counts[[2, 70]] = 0
    tissue.X = sp.csr_matrix(counts)
    hb.deconvolve(tissue, reference, key_added="cells", graph="spatial")
    found, status = tissue.obsm["cells"], tissue.obs["cells_status"]
    missing = found.isna().any(axis=1)
    assert list(np.flatnonzero(missing)) == [2, 70]
    assert found[missing].isna().all(axis=None)
    assert set(status[missing]) == {"no counts in shared genes"}
    np.testing.assert_allclose(found[~missing].sum(axis=1), 1.0)


def test_a_spot_with_counts_in_other_genes_only_is_missing_too(tissue, reference):
    counts = tissue.X.toarray()
    counts[5, :40], counts[5, 40:] = 0, 9
    tissue.X = sp.csr_matrix(counts)
    hb.deconvolve(tissue, reference[:, :40].copy())
    assert table(tissue).iloc[5].isna().all()
    assert table(tissue).drop(index=tissue.obs_names[5]).notna().all(axis=None)


def test_a_section_without_any_count_is_all_missing(tissue, reference):
    tissue.X = sp.csr_matrix(tissue.shape)
    hb.deconvolve(tissue, reference)
    assert table(tissue).isna().all(axis=None)
    assert tissue.uns["histobridge"]["proportions"]["n_empty"] == tissue.n_obs


def test_a_type_that_no_spot_holds_is_kept_near_zero(noiseless, reference):
    signatures = reference_signatures(reference, "cell_type", reference.var_names)
    truth = noiseless.obsm["true_proportions"].to_numpy().copy()
    truth[:, 2] = 0
    truth /= truth.sum(axis=1, keepdims=True)
    mean = (truth * signatures.sizes) @ signatures.profiles.T
    noiseless.X = sp.csr_matrix(np.round(1e6 * mean))
    hb.deconvolve(noiseless, reference)
    assert list(table(noiseless)) == ["type1", "type2", "type3", "type4", "type5"]
    # Platform factors explain a little of it until the iteration has converged.
    assert table(noiseless)["type3"].max() < 0.06
    hb.deconvolve(noiseless, reference, graph="none", background=0)
    assert table(noiseless)["type3"].max() < 0.01


def test_a_type_without_shared_genes_is_kept_at_zero(tissue, reference):
    """Cells of a type that expresses nothing the spots were measured for."""
    counts = reference.X.toarray()
    mute = (reference.obs["cell_type"] == "type1").to_numpy()
    counts[mute, :40], counts[mute, 40:] = 0, 5
    reference.X = sp.csr_matrix(counts)
    few = tissue[:, :40].copy()
    hb.deconvolve(few, reference)
    assert table(few)["type1"].max() < 1e-6
    np.testing.assert_allclose(table(few).sum(axis=1), 1.0)


def test_noise_free_counts_give_the_planted_proportions(noiseless, reference):
    hb.deconvolve(noiseless, reference, graph="none", background=0)
    assert (
        np.abs(table(noiseless) - noiseless.obsm["true_proportions"]).max(None) < 0.01
    )


def test_a_platform_factor_is_absorbed(noiseless, reference):
    factor = np.exp(np.random.default_rng(1).normal(0, 1, noiseless.n_vars))
    noiseless.X = sp.csr_matrix(np.round(noiseless.X.toarray() * factor))
    hb.deconvolve(noiseless, reference, graph="none", background=0)
    absorbed = error(noiseless)
    hb.deconvolve(noiseless, reference, graph="none", background=0, platform=1e12)
    assert absorbed < 0.05
    assert error(noiseless) > 2 * absorbed


def test_proportions_are_of_cells_unless_asked_of_rna(noiseless, reference):
    counts = reference.X.toarray()
    large = (reference.obs["cell_type"] == "type1").to_numpy()
    counts[large] *= 10
    reference.X = sp.csr_matrix(counts)
    hb.deconvolve(noiseless, reference, graph="none", background=0)
    cells = table(noiseless)
    hb.deconvolve(noiseless, reference, graph="none", background=0, cells=False)
    rna = table(noiseless)
    sizes = reference_signatures(reference, "cell_type", reference.var_names).sizes
    expected = rna / sizes
    expected = expected.div(expected.sum(axis=1), axis=0)
    np.testing.assert_allclose(cells, expected)
    assert rna["type1"].mean() > cells["type1"].mean() + 0.1


def roughness(adata):
    graph = spatial_graph(adata).tocoo()
    values = table(adata).to_numpy()
    return ((values[graph.row] - values[graph.col]) ** 2).sum(axis=1).mean()


@pytest.mark.parametrize("graph", ["spatial", "image"])
def test_a_graph_prior_draws_neighbours_together_the_more_the_stronger(
    graph, tissue, reference
):
    rough = []
    for strength in (0.0, 300.0, 3000.0, 30000.0):
        hb.deconvolve(tissue, reference, graph=graph, strengths=(strength,))
        np.testing.assert_allclose(table(tissue).sum(axis=1), 1.0)
        rough.append(roughness(tissue))
        assert tissue.uns["histobridge"]["proportions"]["graph"] == graph
    assert (np.diff(rough) < 0).all(), rough
    assert rough[-1] < 0.9 * rough[0]


def test_no_strength_is_no_prior(tissue, reference):
    hb.deconvolve(tissue, reference, graph="none")
    expected = table(tissue)
    hb.deconvolve(tissue, reference, graph="spatial", strengths=(0.0,))
    pd.testing.assert_frame_equal(table(tissue), expected)


def test_auto_takes_no_neighbours_where_they_are_unrelated(tissue, reference):
    """Places are shuffled: whatever a neighbour tells is wrong."""
    order = np.random.default_rng(0).permutation(64)
    for start in (0, 64, 128):
        spots = np.arange(start, start + 64)
        tissue.obsm["spatial"][spots] = tissue.obsm["spatial"][spots[order]]
    del tissue.obsm["morphology"]
    hb.deconvolve(tissue, reference)
    assert tissue.uns["histobridge"]["proportions"]["graph"] in ("none", "tissue")


def test_auto_takes_a_prior_where_counts_are_few_and_neighbours_alike():
    from histobridge.data import simulate_reference, simulate_tissue

    spots = simulate_tissue(
        1, spots_per_side=14, n_genes=100, microns_per_pixel=20, depth=30
    )
    cells = simulate_reference(40, n_genes=100)
    hb.deconvolve(spots, cells)
    chosen = error(spots)
    assert spots.uns["histobridge"]["proportions"]["graph"] == "spatial"
    hb.deconvolve(spots, cells, graph="none")
    assert chosen < 0.95 * error(spots)


def test_auto_needs_neither_coordinates_nor_image(tissue, reference):
    for key in ("spatial", "morphology"):
        del tissue.obsm[key]
    hb.deconvolve(tissue, reference)
    assert tissue.uns["histobridge"]["proportions"]["graph"] in ("none", "tissue")
    assert error(tissue) < 0.05


@pytest.mark.parametrize("key", ["spatial", "morphology"])
def test_a_graph_that_was_asked_for_is_not_silently_left_out(key, tissue, reference):
    del tissue.obsm[key]
    with pytest.raises(ContractError, match=f"obsm\\[.{key}.\\]"):
        hb.deconvolve(tissue, reference, graph="image")


def test_the_seed_decides_and_gene_order_does_not(tissue, reference):
    hb.deconvolve(tissue, reference)
    expected = table(tissue)
    order = np.random.default_rng(0).permutation(reference.n_vars)
    hb.deconvolve(tissue, reference[:, order].copy())
    pd.testing.assert_frame_equal(table(tissue), expected)


def test_cells_without_label_or_counts_are_left_out(tissue, reference):
    hb.deconvolve(tissue, reference)
    expected = table(tissue)
    odd = reference[:6].copy()
    odd.obs["cell_type"] = odd.obs["cell_type"].astype(object)
    odd.obs.iloc[:3, 0] = None
    counts = odd.X.toarray()
    counts[3:] = 0
    odd.X = sp.csr_matrix(counts)
    odd.obs_names = [f"odd{i}" for i in range(6)]
    hb.deconvolve(tissue, ad.concat([reference, odd]))
    np.testing.assert_allclose(table(tissue), expected, atol=0.05)
    assert list(table(tissue)) == list(expected)


def test_least_squares_is_scipys(noiseless, reference):
    signatures = reference_signatures(reference, "cell_type", noiseless.var_names)
    found = NonNegativeLeastSquares().fit_predict(noiseless, noiseless.X, signatures)
    np.testing.assert_allclose(found, noiseless.obsm["true_proportions"], atol=1e-3)


def test_auto_tries_every_prior_there_can_be(tissue, reference):
    model = PoissonDeconvolver()
    signatures = reference_signatures(reference, "cell_type", tissue.var_names)
    model.fit_predict(tissue, sp.csr_matrix(tissue.X), signatures)
    assert set(model.held_out_) == {"none 0"} | {
        f"{graph} {strength:g}"
        for graph in ("tissue", "spatial", "image")
        for strength in model.strengths
    }
    assert all(np.isfinite(gain) for gain in model.held_out_.values())
