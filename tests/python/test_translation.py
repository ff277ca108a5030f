"""Ridge against scikit-learn, and what a translator may depend on."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import Ridge

import histobridge as hb
from histobridge import contract, graphs
from histobridge.contract import ContractError
from histobridge.translation import LogCP10k
from histobridge.translation.ridge import View, ViewRidge

TRAIN = np.arange(128)
TEST = np.arange(128, 192)


@pytest.fixture
def own(tissue):
    """Features of every spot, standardised within sections, computed here."""
    features = tissue.obsm["morphology"].astype(float)
    out = np.empty_like(features)
    for spots in contract.sections(tissue).values():
        part = features[spots]
        out[spots] = (part - part.mean(axis=0)) / np.maximum(part.std(axis=0), 1e-8)
    return out


@pytest.fixture
def context(tissue, own):
    """Mean of a spot and its 4 nearest, by brute force."""
    out = np.empty_like(own)
    for spots in contract.sections(tissue).values():
        points = tissue.obsm["spatial"][spots]
        apart = np.linalg.norm(points[:, None] - points, axis=2)
        for spot, row in zip(spots, apart, strict=True):
            out[spot] = own[spots[np.argsort(row, kind="stable")[:5]]].mean(axis=0)
    return out


def log_cp10k(adata, genes):
    counts = adata.X.toarray()
    normal = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
    return normal[:, adata.var_names.get_indexer(genes)]


def test_a_view_equals_scikit_learns_ridge(tissue, own):
    model = ViewRidge([View("colour", neighbours=(1,))], alphas=[0.01])
    found = model.fit(tissue, 20, TRAIN).predict(tissue, TEST)
    scale = (own[TRAIN] ** 2).sum(axis=1).mean()
    target = log_cp10k(tissue, model.genes_)[TRAIN]
    expected = Ridge(alpha=0.01 * scale).fit(own[TRAIN], target).predict(own[TEST])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_views_share_the_length_of_a_spot_by_weight(tissue, own, context):
    """Weights of the views that are there are scaled to sum 1."""
    views = [
        View("colour", neighbours=(1,), weight=3.0),
        View("colour", neighbours=(5,), weight=1.0),
        View("absent", weight=9.0),
    ]
    model = ViewRidge(views, alphas=[0.3])
    found = model.fit(tissue, 20, TRAIN).predict(tissue, TEST)
    around = graphs.neighbour_mean(
        own, graphs.positions_microns(tissue), graphs.section_codes(tissue), 5
    )
    blocks = [
        x * np.sqrt(share / (x[TRAIN] ** 2).sum(axis=1).mean())
        for x, share in ((own, 0.75), (around, 0.25))
    ]
    x = np.concatenate(blocks, axis=1)
    target = log_cp10k(tissue, model.genes_)[TRAIN]
    expected = Ridge(alpha=0.3).fit(x[TRAIN], target).predict(x[TEST])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_context_is_the_mean_over_nearest_spots(tissue, own, context):
    """Interior spots only: at the border of a lattice nearest is a tie."""
    from histobridge.images.features import spot_features

    columns = np.arange(own.shape[1])
    found = spot_features(tissue, columns, (1, 5))
    np.testing.assert_allclose(found[:, columns], own)
    place = tissue.obsm["spatial"] / 50
    inside = ((place > 1.5) & (place < 7.5)).all(axis=1)
    np.testing.assert_allclose(found[inside, len(columns) :], context[inside])


def test_the_penalty_follows_what_can_be_predicted(tissue):
    """Shuffled counts leave nothing to learn, so the penalty grows."""
    learned = hb.train_translation(tissue, genes=30).settings_["alpha"]
    order = np.random.default_rng(0).permutation(tissue.n_obs)
    tissue.X = tissue.X[order]
    assert hb.train_translation(tissue, genes=30).settings_["alpha"] > learned


def test_training_changes_nothing_and_predicting_adds_one_table(tissue, untouched):
    with untouched(tissue):
        model = hb.train_translation(tissue, genes=10)
    expected = set(tissue.obsm) | {"predicted"}
    columns = [*tissue.obs, "predicted_in_scope"]
    hb.predict_expression(tissue, model)
    assert set(tissue.obsm) == expected
    assert list(tissue.obs) == columns
    assert list(tissue.obsm["predicted"].columns) == model.genes_
    settings = tissue.uns["histobridge"]["predicted"]
    assert settings["system"] == "ridge_plus"
    assert settings["n_spots"] == tissue.n_obs


def test_no_count_is_needed_to_predict(tissue):
    model = hb.train_translation(tissue, genes=10)
    expected = model.predict(tissue)
    tissue.X = None
    np.testing.assert_array_equal(model.predict(tissue), expected)


def test_prediction_does_not_depend_on_other_sections(tissue):
    model = hb.train_translation(tissue, genes=10)
    together = model.predict(tissue)
    for spots in contract.sections(tissue).values():
        alone = model.predict(tissue[spots].copy())
        np.testing.assert_allclose(alone, together[spots], atol=1e-9)


def test_prediction_follows_the_order_of_spots(tissue):
    model = hb.train_translation(tissue, genes=10)
    spots = np.random.default_rng(0).permutation(tissue.n_obs)[:50]
    expected = model.predict(tissue)[spots]
    np.testing.assert_allclose(model.predict(tissue, spots), expected, atol=1e-9)


def test_a_scanner_that_shifts_all_features_of_a_section_changes_nothing(tissue):
    model = hb.train_translation(tissue, genes=10)
    expected = model.predict(tissue)
    features = tissue.obsm["morphology"].astype(float)
    features[TEST] = features[TEST] * 1.7 + 0.4
    tissue.obsm["morphology"] = features
    np.testing.assert_allclose(model.predict(tissue), expected, atol=1e-3)


def test_genes_are_chosen_on_training_spots_only(tissue):
    counts = tissue.X.toarray()
    first, second = 3, 11
    counts[:, [first, second]] = 1
    counts[TRAIN[::2], first] = 900
    counts[TEST[::2], second] = 900
    tissue.X = sp.csr_matrix(counts)
    names = tissue.var_names[[first, second]]
    assert LogCP10k().fit(tissue, 1, TRAIN).genes_ == [names[0]]
    assert LogCP10k().fit(tissue, 1, TEST).genes_ == [names[1]]


def test_a_batch_difference_does_not_make_a_gene_variable(tissue):
    counts = tissue.X.toarray()
    counts[:64, 4], counts[64:, 4] = 0, 300
    tissue.X = sp.csr_matrix(counts)
    pooled = log_cp10k(tissue, tissue.var_names).var(axis=0)
    assert pooled.argmax() == 4
    chosen = LogCP10k().fit(tissue, 10, np.arange(192)).genes_
    assert tissue.var_names[4] not in chosen


def test_named_genes_keep_their_order_and_counts_of_all_genes_their_depth(tissue):
    names = ["gene0007", "gene0002"]
    target = LogCP10k().fit(tissue, names, TRAIN)
    assert target.genes_ == names
    np.testing.assert_allclose(
        target.transform(tissue, TEST), log_cp10k(tissue, names)[TEST]
    )


def test_an_unfitted_model_is_refused(tissue):
    with pytest.raises(ContractError, match="a fitted translator"):
        ViewRidge([View("colour")]).predict(tissue)


def described(tissue, **settings):
    other = tissue.copy()
    hb.add_morphology(other, "colour", cache=False, progress=False, **settings)
    return other


def test_other_features_than_those_of_training_are_refused(tissue, untouched):
    model = hb.train_translation(tissue, genes=10)
    unnamed = tissue.copy()
    del unnamed.uns["histobridge"]
    none = tissue.copy()
    del none.obsm["morphology"]
    others = [
        (described(tissue, patch_microns=100), "red_mean_100um"),
        (described(tissue, patch_microns=[100, 200]), "104"),
        (unnamed, "features"),
        (none, "run add_morphology"),
    ]
    for other, word in others:
        with untouched(other), pytest.raises(ContractError, match=word):
            hb.predict_expression(other, model)


def test_features_with_nan_are_refused(tissue):
    tissue.obsm["morphology"][5, 0] = np.nan
    with pytest.raises(ContractError, match="1 spots with NaN"):
        hb.train_translation(tissue, genes=10)


def test_too_few_spots_are_refused(tissue):
    with pytest.raises(ContractError, match="at least 10 training spots"):
        hb.train_translation(tissue[:9].copy(), genes=10)


@pytest.mark.parametrize("genes", [0, -3, 2.5, True])
def test_a_number_of_genes_is_whole_and_above_zero(tissue, genes):
    with pytest.raises(ContractError, match="how many genes"):
        hb.train_translation(tissue, genes=genes)


def test_genes_are_named_once_and_numbers_may_be_floats(tissue):
    twice = [tissue.var_names[0], tissue.var_names[1], tissue.var_names[0]]
    with pytest.raises(ContractError, match=f"repeated: .'{twice[0]}'"):
        hb.train_translation(tissue, genes=twice)
    assert len(LogCP10k().fit(tissue, 7.0, TRAIN).genes_) == 7


@pytest.mark.filterwarnings("error")
def test_one_gene_is_predicted_without_a_warning(tissue):
    model = hb.train_translation(tissue, genes=1, trees=5, reliability=False)
    assert model.predict(tissue).shape == (tissue.n_obs, 1)


def test_no_spots_are_refused(tissue):
    model = ViewRidge([View("*")]).fit(tissue, 3)
    with pytest.raises(ContractError, match="spots to predict"):
        model.predict(tissue[:0])
