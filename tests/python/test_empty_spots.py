"""Spots without a single count: excluded, reported, never a NaN elsewhere."""

import numpy as np
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.splits import LeaveOneSectionOut, SpatialBlockKFold

EMPTY = [0, 9, 100]


@pytest.fixture
def emptied(tissue):
    keep = np.ones(tissue.n_obs)
    keep[EMPTY] = 0
    tissue.X = sp.csr_matrix(sp.diags(keep) @ tissue.X)
    tissue.X.eliminate_zeros()
    return tissue


@pytest.fixture
def without(emptied):
    return emptied[np.delete(np.arange(emptied.n_obs), EMPTY)].copy()


def test_no_domain_and_no_other_changed(emptied, without):
    hb.find_domains(emptied, 3, key_added="found")
    hb.find_domains(without, 3, key_added="found")
    assert list(np.flatnonzero(emptied.obs["found"].isna())) == EMPTY
    assert emptied.uns["histobridge"]["found"]["n_empty"] == 3
    rest = emptied[without.obs_names]
    assert (rest.obs["found"] == without.obs["found"]).all()
    assert np.isfinite(rest.obsm["found_embedding"]).all()


def test_no_proportions_but_a_reason_and_no_other_changed(emptied, without, reference):
    hb.deconvolve(emptied, reference)
    hb.deconvolve(without, reference)
    table, status = emptied.obsm["proportions"], emptied.obs["proportions_status"]
    assert list(np.flatnonzero(table.isna().all(axis=1))) == EMPTY
    assert list(np.flatnonzero(status == "no counts in shared genes")) == EMPTY
    assert emptied.uns["histobridge"]["proportions"]["n_empty"] == 3
    rest = table.loc[without.obs_names]
    np.testing.assert_array_equal(rest, without.obsm["proportions"])


def test_left_out_of_training_and_predicted_all_the_same(emptied):
    model = hb.train_translation(emptied, genes=10)
    assert model.settings_["n_empty"] == 3
    assert model.settings_["n_spots"] == emptied.n_obs - 3
    hb.predict_expression(emptied, model)
    assert np.isfinite(emptied.obsm["predicted"].to_numpy()).all()


def test_no_nan_in_a_translation_benchmark(emptied):
    found = hb.benchmark_translation(
        emptied, protocols="patients", genes=5, n_bootstrap=20, progress=False
    )
    assert np.isfinite(found.table["value"]).all()
    assert found.audit[["n_train", "n_test"]].sum(axis=1).eq(emptied.n_obs - 3).all()


def test_no_nan_in_a_domain_benchmark(emptied):
    found = hb.benchmark_domains(
        emptied, "domain", n_bootstrap=5, seeds=2, progress=False
    )
    assert np.isfinite(found.table["value"]).all()
    assert (found.table.query("fold == 'all'")["n"] == emptied.n_obs - 3).all()


def test_no_nan_in_a_deconvolution_benchmark(emptied, reference):
    found = hb.benchmark_deconvolution(
        emptied, reference, n_bootstrap=20, progress=False
    )
    assert np.isfinite(found.table[["value", "lower", "upper"]]).all(axis=None)
    assert (found.table["n"] == emptied.n_obs - 3).all()


@pytest.fixture
def imaged(tissue):
    """S3 has an image and no counts."""
    keep = (tissue.obs["sample_id"] != "S3").to_numpy(dtype=float)
    tissue.X = sp.csr_matrix(sp.diags(keep) @ tissue.X)
    return tissue


def test_a_section_without_counts_is_no_fold(imaged):
    found = hb.benchmark_translation(
        imaged,
        "hest_ridge",
        protocols="sections",
        genes=5,
        n_bootstrap=5,
        progress=False,
    )
    assert set(found.table["fold"]) == {"all", "test S1", "test S2"}
    held = hb.hold_out(imaged, "hest_ridge", LeaveOneSectionOut(), genes=5)
    assert set(held.genes["section"]) == {"S1", "S2"}
    none = imaged[imaged.obs["sample_id"] == "S3"].copy()
    with pytest.raises(ContractError, match="a split with counts of test spots"):
        hb.hold_out(
            none,
            "hest_ridge",
            SpatialBlockKFold(2, block_microns=400, buffer_microns=0),
        )


def test_a_section_without_counts_has_no_domains(imaged):
    found = hb.benchmark_domains(imaged, "domain", n_bootstrap=5, progress=False)
    assert np.isfinite(found.table["value"]).all()
    assert found.table.query("fold == 'all'")["n"].eq(128).all()


def test_fractional_counts_are_scored_without_a_ceiling(tissue):
    settings = {"protocols": "sections", "genes": 5, "n_bootstrap": 5}
    tissue.X = tissue.X * 1.5
    found = hb.benchmark_translation(tissue, "hest_ridge", progress=False, **settings)
    assert "noise_ceiling" not in set(found.table["system"])
    assert np.isfinite(found.table["value"]).all()


def test_a_section_of_one_label_says_nothing_of_domains(tissue):
    tissue.obs["part"] = tissue.obs["domain"].astype(str)
    tissue.obs.loc[tissue.obs["sample_id"] == "S2", "part"] = "whole"
    found = hb.benchmark_domains(
        tissue, "part", systems=[], n_bootstrap=5, progress=False
    )
    assert "S2" not in set(found.table["fold"])
    assert found.table["value"].max() < 1
