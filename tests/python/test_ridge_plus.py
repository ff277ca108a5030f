"""The members of ridge_plus, and what its predictions say about themselves."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.ensemble import ExtraTreesRegressor

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.translation.composite import Average
from histobridge.translation.forest import Forest, Trees
from histobridge.translation.reliability import assess
from histobridge.translation.ridge import View, ViewRidge

TRAIN = np.arange(128)
TEST = np.arange(128, 192)
SPOTS = np.arange(192)


def small_forest(**params):
    return Forest(trees=20, components=5, **params)


def section(adata, name):
    return adata[adata.obs["sample_id"] == name].copy()


@pytest.mark.parametrize("outputs", [1, 3])
def test_trees_laid_end_to_end_predict_as_the_forest(outputs):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 6)).astype(np.float32)
    y = x[:, :outputs] + 0.1 * rng.normal(size=(80, outputs))
    forest = ExtraTreesRegressor(7, random_state=0).fit(x, y.squeeze())
    asked = rng.normal(size=(50, 6)).astype(np.float32)
    found = Trees.of(forest).predict(asked, rows=16)
    expected = forest.predict(asked).reshape(50, outputs)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_forest_learns_what_a_line_cannot(tissue):
    """Expression that follows the distance from the mean of a feature."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=tissue.obsm["morphology"].shape).astype(np.float32)
    tissue.obsm["morphology"] = features
    counts = tissue.X.toarray()
    counts[:, :3] = rng.poisson(20 * np.abs(features[:, [0]]), (tissue.n_obs, 3))
    tissue.X = sp.csr_matrix(counts)
    genes = list(tissue.var_names[:3])
    scores = {}
    for model in (small_forest(neighbours=(1,)), ViewRidge([View("*", (1,))])):
        guess = model.fit(tissue, genes, TRAIN).predict(tissue, TEST)
        truth = np.log1p(tissue.X[TEST][:, :3].toarray())
        scores[type(model)] = np.corrcoef(guess[:, 0], truth[:, 0])[0, 1]
    assert scores[Forest] > scores[ViewRidge] + 0.3


def test_an_average_is_the_mean_of_its_members(tissue):
    members = [ViewRidge([View("*")]), small_forest()]
    both = Average(members).fit(tissue, 20, TRAIN).predict(tissue, TEST)
    alone = [m.fit(tissue, 20, TRAIN).predict(tissue, TEST) for m in members]
    np.testing.assert_allclose(both, np.mean(alone, axis=0))


def test_the_forest_sees_training_counts_only(tissue):
    before = small_forest().fit(tissue, 20, TRAIN)
    changed = tissue.copy()
    changed.X = sp.csr_matrix(changed.X.multiply(np.isin(SPOTS, TRAIN)[:, None]))
    after = small_forest().fit(changed, before.genes_, TRAIN)
    np.testing.assert_array_equal(
        before.predict(tissue, TEST), after.predict(changed, TEST)
    )


def test_reliability_is_what_new_sections_show(tissue):
    """Genes ranked by inner folds keep their rank on a section never seen."""
    train, test = tissue[:128].copy(), tissue[128:192].copy()
    model = hb.train_translation(train, genes=40, trees=20)
    expected = model.settings_["expected_pearson"]
    hb.predict_expression(test, model)
    guess = test.obsm["predicted"]
    counts = test.X.toarray()
    truth = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    truth = truth[:, test.var_names.get_indexer(model.genes_)]
    reached = [
        np.corrcoef(guess.iloc[:, j], truth[:, j])[0, 1] for j in range(guess.shape[1])
    ]
    assert np.corrcoef(expected, reached)[0, 1] > 0.5
    assert abs(np.mean(expected) - np.mean(reached)) < 0.15
    errors = np.abs(
        (truth - truth.mean(0)) - (guess.to_numpy() - guess.to_numpy().mean(0))
    )
    assert 0.82 < (errors <= model.settings_["half_width"]).mean() < 0.97


def test_shuffled_counts_are_not_believed(tissue):
    train, counts = tissue[:128].copy(), tissue[:128].X
    expected = []
    for seed in range(4):
        train.X = counts[np.random.default_rng(seed).permutation(128)]
        model = hb.train_translation(train, genes=20, trees=20)
        expected.append(model.settings_["expected_pearson"].mean())
    # The depth of a spot is shared by all genes: one order alone may fit it by chance.
    assert abs(np.mean(expected)) < 0.1
    with pytest.raises(ContractError, match=r"expected Pearson.*best reaches"):
        hb.predict_expression(train, model, reliable=True)


def test_only_reliable_genes_are_returned_when_asked(tissue):
    model = hb.train_translation(tissue, genes=40, trees=20)
    hb.predict_expression(tissue, model, reliable=True)
    believed = model.settings_["expected_pearson"] >= 0.3
    assert 0 < believed.sum() < 40
    found = tissue.obsm["predicted"]
    assert list(found.columns) == list(np.array(model.genes_)[believed])
    settings = tissue.uns["histobridge"]["predicted"]
    assert len(settings["expected_pearson"]) == found.shape[1]


def test_reliable_genes_need_a_model_that_knows_them(tissue):
    model = hb.train_translation(tissue, genes=5, trees=5, reliability=False)
    with pytest.raises(ContractError, match="reliability = True"):
        hb.predict_expression(tissue, model, reliable=True)


def test_too_few_spots_for_folds_give_no_reliability(tissue):
    few = section(tissue, "S1")[:11].copy()
    assert assess(lambda: ViewRidge([View("*")]), few, few.var_names[:3]) is None


def test_a_section_of_other_texture_is_out_of_scope(tissue):
    whole = section(tissue, "S1")
    train, same, other = whole[::2].copy(), whole[1::2].copy(), whole[1::2].copy()
    model = hb.train_translation(train, genes=5, trees=5, reliability=False)
    rng = np.random.default_rng(0)
    other.obsm["morphology"] = np.stack(
        [rng.permutation(column) for column in other.obsm["morphology"].T], axis=1
    )
    for adata, expected in ((same, True), (other, False)):
        hb.predict_expression(adata, model)
        assert (adata.obs["predicted_in_scope"] == expected).all()
    scope = other.uns["histobridge"]["predicted"]["scope"]
    assert list(scope) == ["S1"]


def test_a_section_partly_like_training_is_out_of_scope(tissue):
    """Agreement that is there, but too little, is what the threshold is for."""
    whole = section(tissue, "S1")
    train, other = whole[::2].copy(), whole[1::2].copy()
    model = hb.train_translation(train, genes=5, trees=5, reliability=False)
    features = other.obsm["morphology"].astype(float)
    rng = np.random.default_rng(0)
    for column in range(0, features.shape[1], 2):
        features[:, column] = -features[:, column]
    other.obsm["morphology"] = features + rng.normal(size=features.shape) * 0.01
    hb.predict_expression(other, model)
    (agreement,) = other.uns["histobridge"]["predicted"]["scope"].values()
    assert -1 < agreement < 0.9
    assert not other.obs["predicted_in_scope"].any()


def test_a_saved_ridge_plus_predicts_the_same_bit_for_bit(tissue, tmp_path):
    model = hb.train_translation(tissue, genes=20, trees=10)
    loaded = hb.load_model(hb.save_model(model, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(tissue), model.predict(tissue))
    fields = {field.name for field in dataclasses.fields(Trees)}
    forest = loaded.members[1].members[0].members[1]
    assert set(forest.forest_) == fields


def test_tissue_too_small_for_blocks_gives_no_reliability(tissue):
    """Halves at random would promise what neighbours with the same pixels told."""
    few = section(tissue, "S1")
    near = np.argsort(np.abs(few.obsm["spatial"] - few.obsm["spatial"][0]).max(axis=1))
    model = hb.train_translation(few[near[:25]].copy(), genes=3, trees=5)
    assert "expected_pearson" not in model.settings_
