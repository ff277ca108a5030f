"""gpca_consensus lets image features in where they help to predict held-out genes."""

import numpy as np
import pytest

import histobridge as hb
from histobridge import graphs
from histobridge.data import simulate_tissue
from histobridge.integration.features import standardised_image
from histobridge.integration.image_choice import WEIGHTS, _chosen, with_image
from histobridge.integration.systems.gpca_consensus import gpca_consensus


def tissue_of(seed, shared=1.0, sections=1):
    """Simulated tissue of few counts with the colour of its H&E."""
    size = {"spots_per_side": 16, "n_genes": 200, "depth": 300}
    adata = simulate_tissue(
        sections, shared=shared, microns_per_pixel=8, seed=seed, **size
    )
    hb.add_morphology(adata, "colour", patch_microns=200, cache=False, progress=False)
    return adata


@pytest.fixture(scope="module")
def told():
    return tissue_of(0)


def chosen(adata, seed=0):
    return gpca_consensus(seed=seed).fit(adata).facts_


def with_features(adata, features):
    other = adata.copy()
    other.obsm["morphology"] = features
    return other


def smooth_field(adata, rng, length=5.0):
    """Random fields as smooth as tissue, of as many columns as the features."""
    points = adata.obsm["spatial"] / graphs.pitch(adata.obsm["spatial"])
    square = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    root = np.linalg.cholesky(
        np.exp(-square / (2 * length**2)) + 1e-6 * np.eye(len(points))
    )
    return root @ rng.normal(size=adata.obsm["morphology"].shape)


@pytest.mark.parametrize("seed", [0, 1])
def test_an_image_that_shows_what_is_expressed_enters(seed):
    facts = chosen(tissue_of(seed))
    assert facts["image"] == "used"
    assert facts["image_weight"] > 0
    evidence = facts["image_evidence"]
    assert evidence["weight"] == list(WEIGHTS)
    at = evidence["weight"].index(facts["image_weight"])
    assert evidence["gain"][at] > 2 * evidence["standard_error"][at] > 0
    lower = evidence["error"][0] - evidence["error"][at]
    assert evidence["gain"][at] == pytest.approx(lower)


@pytest.mark.parametrize("seed", [0, 1])
def test_an_image_of_other_tissue_stays_out(seed):
    facts = chosen(tissue_of(seed, shared=0.0))
    assert facts["image_weight"] == 0
    assert facts["image"].startswith("left out")
    assert max(facts["image_evidence"]["gain"][2:]) < 0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shuffled_features_and_smooth_chance_stay_out(seed, told):
    rng = np.random.default_rng(seed)
    features = np.asarray(told.obsm["morphology"])
    shuffled = with_features(told, features[rng.permutation(told.n_obs)])
    assert chosen(shuffled)["image_weight"] == 0
    assert chosen(with_features(told, smooth_field(told, rng)))["image_weight"] == 0


def test_what_stays_out_changes_nothing(told):
    shuffled = np.random.default_rng(0).permutation(np.asarray(told.obsm["morphology"]))
    other, without = with_features(told, shuffled), told.copy()
    del without.obsm["morphology"]
    for adata in (other, without):
        hb.find_domains(adata, 4, key_added="found")
    assert list(other.obs["found"]) == list(without.obs["found"])
    embedded = [a.obsm["found_embedding"] for a in (other, without)]
    np.testing.assert_array_equal(*embedded)
    record = without.uns["histobridge"]["found"]
    assert record["image"] == "absent: genes only"
    assert "image_evidence" not in record
    assert other.uns["histobridge"]["found"]["image_evidence"]["weight"]


def test_the_choice_is_stored_repeatable_and_can_be_refused(told):
    facts = chosen(told)
    hb.run_integration(told, key_added="found")
    stored = told.uns["histobridge"]["found"]
    assert {name: stored[name] for name in facts} == facts
    hb.run_integration(told, key_added="refused", image=False)
    assert told.uns["histobridge"]["refused"]["image"] == "not asked"
    assert not np.allclose(told.obsm["found"], told.obsm["refused"])


def test_units_of_the_image_and_spots_off_it_do_not_matter(told):
    features = np.asarray(told.obsm["morphology"], dtype=float)
    expected = chosen(told)["image_evidence"]
    scaled = features * np.linspace(1, 100, features.shape[1]) + 7
    found = chosen(with_features(told, scaled))["image_evidence"]
    np.testing.assert_allclose(found["error"], expected["error"], rtol=1e-6)
    features[3] = np.nan
    off = standardised_image(with_features(told, features))
    np.testing.assert_allclose(off[3], 0, atol=1e-12)
    assert chosen(with_features(told, features))["image"] == "used"


def test_two_sections_decide_together():
    facts = chosen(tissue_of(3, sections=2))
    assert facts["image_weight"] > 0


def test_tissue_of_too_few_blocks_keeps_to_the_genes(told):
    assert chosen(told[:40].copy())["image_weight"] == 0


def test_the_image_has_the_variance_asked_for():
    rng = np.random.default_rng(0)
    genes, image = rng.normal(size=(50, 5)) * 3, rng.normal(size=(50, 2))
    joint = with_image(genes, image, 0.5)
    share = joint[:, 5:].var(axis=0).sum() / genes.var(axis=0).sum()
    assert share == pytest.approx(0.25)
    np.testing.assert_array_equal(with_image(genes, image, 0.0)[:, :5], genes)


def test_the_smallest_weight_within_an_error_wins():
    blocks = np.arange(400) // 20
    wobble = np.where(blocks % 2, 1.0, -1.0)

    def weight(gains, wobbles):
        gained = np.outer(wobbles, wobble) + np.array(gains)[:, None]
        return _chosen(10.0 - np.vstack([0 * wobble, gained]), blocks, 400.0).weight

    # The difference of the last two is 0.1, its standard error 2 / sqrt(19).
    assert weight([1.0, 2.0, 2.1], [1, 1, -1]) == 0.5
    assert weight([1.0, 2.0, 2.1], [0, 0, 0]) == 1.0
    assert weight([0.1, 0.1, 0.1], [1, 1, 1]) == 0.0
    assert weight([-1.0, -1.0, -2.0], [1, 1, 1]) == 0.0
