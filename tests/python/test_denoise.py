"""Denoising: planted rates, the choice of steps, and what the record says."""

import numpy as np
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.integration.pooling import choose_steps, lazy_walk
from histobridge.integration.preservation import preservation
from histobridge.normalisation import log_normalise
from histobridge.statistics import split_counts


@pytest.fixture(scope="module")
def layered():
    return hb.data.simulate_tissue(
        1, spots_per_side=20, n_genes=100, depth=2000, microns_per_pixel=8, seed=1
    )


def error(adata, layer):
    return float(np.mean((adata.layers[layer].toarray() - adata.layers["rate"]) ** 2))


def test_the_layer_is_nearer_the_truth_than_none_and_than_too_much(layered):
    adata = layered.copy()
    hb.denoise(adata)
    hb.denoise(adata, steps=(0,), key_added="raw")
    hb.denoise(adata, steps=(200,), key_added="much")
    assert sp.issparse(adata.layers["denoised"])
    assert error(adata, "denoised") < 0.3 * error(adata, "raw")
    assert error(adata, "denoised") < 0.5 * error(adata, "much")


def test_no_step_is_taken_where_nothing_is_spatial(layered):
    adata = layered.copy()
    order = np.random.default_rng(0).permutation(adata.n_obs)
    adata.X = adata.X[order]
    hb.denoise(adata, steps=(0, 1, 2, 4, 8))
    assert adata.uns["histobridge"]["denoised"]["steps"] == {"S1": 0}
    raw = log_normalise(adata.X)
    assert abs(adata.layers["denoised"] - raw).max() < 1e-9


def test_labels_change_the_record_and_never_the_layer(layered):
    with_labels, without = layered.copy(), layered.copy()
    del without.obs["domain"]
    hb.denoise(with_labels, by="domain")
    hb.denoise(without)
    assert (with_labels.layers["denoised"] != without.layers["denoised"]).nnz == 0


def test_the_record_warns_of_tests_on_the_layer(layered):
    adata = layered.copy()
    hb.denoise(adata, by="domain")
    record = adata.uns["histobridge"]["denoised"]
    kept = record["preservation"]
    assert kept["fold_change_after"] > kept["fold_change_before"] - 0.05
    assert kept["false_positives_before"] < 0.15
    assert kept["false_positives_after"] > kept["false_positives_before"]
    curve = dict(zip(record["curve"]["steps"], record["curve"]["loss"], strict=True))
    assert record["steps"]["S1"] == min(curve, key=curve.__getitem__)


def test_the_image_is_used_only_where_it_lowers_the_loss(layered):
    adata = layered.copy()
    rng = np.random.default_rng(0)
    adata.obsm["morphology"] = rng.normal(size=(adata.n_obs, 5))
    hb.denoise(adata)
    assert not adata.uns["histobridge"]["denoised"]["image"]["S1"]
    adata.obsm["morphology"] = adata.obsm["true_proportions"].to_numpy()
    hb.denoise(adata, key_added="seen")
    record = adata.uns["histobridge"]["seen"]
    assert record["image"]["S1"]
    assert error(adata, "seen") < error(adata, "denoised")


def test_thinned_parts_sum_to_the_counts_and_are_independent():
    counts = sp.csr_matrix(np.random.default_rng(0).poisson(5, (400, 50)))
    first, second = split_counts(counts, 1, 0.3)
    assert (first + second != counts).nnz == 0
    assert first.sum() / counts.sum() == pytest.approx(0.3, abs=0.01)
    a, b = first.toarray().ravel(), second.toarray().ravel()
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(a.size)


def test_a_walk_without_smoothing_preserves_everything(layered):
    counts = sp.csr_matrix(layered.X)
    kept = preservation(counts, log_normalise, np.zeros(layered.n_obs))
    assert kept["fold_change_after"] == kept["fold_change_before"]
    assert kept["false_positives_after"] == kept["false_positives_before"]


def test_the_choice_is_the_same_for_a_seed_and_isolated_spots_are_kept(layered):
    counts = sp.csr_matrix(layered.X)
    step = lazy_walk(sp.csr_matrix((layered.n_obs, layered.n_obs)))
    found = choose_steps(counts, step, seed=3)
    assert found == choose_steps(counts, step, seed=3)


def test_empty_spots_stay_empty_and_bad_input_is_refused(layered):
    adata = layered.copy()
    counts = adata.X.tolil()
    counts[3] = 0
    adata.X = counts.tocsr()
    hb.denoise(adata)
    assert adata.layers["denoised"][3].nnz == 0
    before = set(adata.layers)
    with pytest.raises(ContractError, match="image features"):
        hb.denoise(adata, image=True, key_added="other")
    with pytest.raises(ContractError, match="steps"):
        hb.denoise(adata, steps=(-1,), key_added="other")
    adata.X = adata.X * 0.5
    with pytest.raises(ContractError, match="whole-number"):
        hb.denoise(adata, key_added="other")
    assert set(adata.layers) == before


def test_one_spot_and_no_counts_are_left_as_they_are(layered):
    one = layered[:1].copy()
    hb.denoise(one)
    np.testing.assert_allclose(
        one.layers["denoised"].toarray(), log_normalise(one.X).toarray()
    )
    nothing = layered[:9].copy()
    nothing.X = sp.csr_matrix(nothing.shape)
    hb.denoise(nothing)
    assert nothing.layers["denoised"].nnz == 0
    record = nothing.uns["histobridge"]["denoised"]["preservation"]
    assert np.isnan(list(record.values())).all()
