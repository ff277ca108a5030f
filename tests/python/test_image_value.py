"""What the image adds: much where all is planted in it, nothing where it is noise."""

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

import histobridge as hb
from histobridge import registry
from histobridge.contract import ContractError
from histobridge.data import simulate_tissue
from histobridge.evaluation import arms, image_value
from histobridge.evaluation.metrics import weighted_nmi
from histobridge.evaluation.result import interval
from histobridge.translation import LogCP10k

MANY = {"n_sections": 3, "spots_per_side": 9, "n_genes": 40, "microns_per_pixel": 4}
QUIET = {"progress": False, "n_bootstrap": 100}


@pytest.fixture(scope="module")
def answers():
    """``pearson_gene`` by arm where nothing and where all is in the image."""
    found = {}
    for shared in (0.0, 1.0):
        adata = simulate_tissue(**MANY, shared=shared)
        hb.add_morphology(
            adata, "colour", patch_microns=200, cache=False, progress=False
        )
        table = image_value(adata, genes=20, draws=2, **QUIET)
        found[shared] = table[table["metric"] == "pearson_gene"].set_index("arm")
    return found


def test_the_image_adds_what_is_planted_in_it(answers):
    table = answers[1.0]
    for arm in ("covariates", "permuted image", "shifted image", "depth_scalar"):
        assert table.loc[arm, "added_lower"] > 0.1, arm
    assert (table.loc[["permuted image", "shifted image"], "p"] == 1 / 3).all()
    both, alone = table.loc["covariates and image"], table.loc["image"]
    assert both["value"] > alone["value"] - 0.05


def test_an_image_of_nothing_adds_nothing(answers):
    table = answers[0.0]
    for arm in ("covariates", "permuted image", "shifted image"):
        assert abs(table.loc[arm, "added"]) < 0.06, arm
    assert table.loc["covariates", "added_lower"] < 0.02


def test_the_added_value_is_the_difference_of_the_arms(answers):
    for table in answers.values():
        first = table["value"].iloc[0]
        np.testing.assert_allclose(
            table["added"].iloc[1:], first - table["value"].iloc[1:], atol=1e-12
        )


def test_domains_and_deconvolution_are_asked_too(tissue, reference):
    found = image_value(tissue, task="domains", truth="domain", draws=2, **QUIET)
    assert {"image", "no image", "image only", "genes only", "coordinates only"} <= set(
        found["arm"]
    )
    found = image_value(
        tissue, task="deconvolution", reference=reference, draws=1, **QUIET
    )
    errors = found[found["metric"] == "rmse_spot"].set_index("arm")
    # Less error is more value.
    np.testing.assert_allclose(
        errors["added"].iloc[1:], errors["value"].iloc[1:] - errors["value"].iloc[0]
    )


def test_what_cannot_be_asked_is_refused(tissue):
    with pytest.raises(ContractError, match="a system that reads the image"):
        image_value(tissue, "coordinates_knn")
    with pytest.raises(ContractError, match="covariates that do not read"):
        image_value(tissue, covariates=["colour_ridge"])
    with pytest.raises(ContractError, match="a task; found 'resolution'"):
        image_value(tissue, task="resolution", truth=tissue)
    del tissue.obsm["morphology"]
    with pytest.raises(ContractError, match="image features"):
        image_value(tissue)


@pytest.mark.parametrize("how", arms.CHANGES)
def test_a_false_image_has_the_same_features_elsewhere(how, tissue, untouched):
    with untouched(tissue):
        moved = arms.CHANGES[how](tissue, 1)
    if how == "no image":
        assert "morphology" not in moved.obsm
        assert not any("images" in library for library in moved.uns["spatial"].values())
        return
    for section in ("S1", "S2", "S3"):
        own = (tissue.obs["sample_id"] == section).to_numpy()
        before, after = (a.obsm["morphology"][own] for a in (tissue, moved))
        assert not np.array_equal(before, after)
        # The tissue is a full lattice, where a shift is a permutation as well.
        np.testing.assert_array_equal(
            before[np.lexsort(before.T)], after[np.lexsort(after.T)]
        )


def test_a_member_that_knows_more_weighs_more(tissue):
    members = [
        (registry.find(name, "translation"), {})
        for name in ("train_mean", "colour_ridge", "permuted_images")
    ]
    spots = np.arange(128)
    target = LogCP10k().fit(tissue, 10, spots)
    stack = arms.stacked(members=members).fit(tissue, target.genes_, spots)
    mean, colour, permuted = stack.weights_
    assert mean == pytest.approx(0, abs=0.01)
    assert colour > 0.5 > abs(permuted)
    assert stack.predict(tissue, np.arange(128, 192)).shape == (64, 10)


def test_the_nmi_of_repeated_spots_is_scikit_learns():
    rng = np.random.default_rng(0)
    truth, labels = rng.integers(3, size=50), rng.integers(4, size=50)
    weights = rng.integers(0, 4, (5, 50))
    found = weighted_nmi(truth, labels, weights.astype(float))
    for value, w in zip(found, weights, strict=True):
        expected = normalized_mutual_info_score(truth.repeat(w), labels.repeat(w))
        assert value == pytest.approx(expected)
    assert interval(found, float(found.mean()))[0] <= found.mean()
