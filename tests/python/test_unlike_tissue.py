"""Where tissue is unlike training: depth apart, belief as far as forms agree."""

import numpy as np
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge import keys
from histobridge.normalisation import pearson_columns
from histobridge.translation import components
from histobridge.translation.agreement import Believed
from histobridge.translation.ridge import View, ViewRidge
from histobridge.translation.sampling_depth import SamplingDepth, expected_log

TRAIN, TEST = np.arange(128), np.arange(128, 192)
VIEW = View("colour", (1,))


def test_expected_log_is_the_mean_over_drawn_counts():
    rng = np.random.default_rng(0)
    share, depth = np.array([1e-5, 3e-4, 0.004, 0.2]), np.array([80.0, 900.0, 9000.0])
    drawn = rng.poisson(depth[:, None] * share, size=(40_000, 3, 4))
    mean = np.log1p(1e4 * drawn / depth[:, None]).mean(axis=0)
    np.testing.assert_allclose(expected_log(share, depth), mean, rtol=0.02, atol=0.01)


def varied_depth(tissue, shared_with_image, seed=1):
    """Tenfold depth and planted rates of 20 genes; first feature decides the rates."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(tissue.n_obs, 4)).astype(np.float32)
    slope = rng.normal(0, 0.7, size=20)
    rate = np.exp(features[:, [0]] * slope) * np.exp(rng.normal(-6.5, 0.7, size=20))
    rate = np.column_stack([rate, np.tile((1 - rate.sum(1))[:, None] / 40, 40)])
    own = features[:, 1] if shared_with_image else rng.normal(size=tissue.n_obs)
    depth = 1500 * 10 ** (np.argsort(np.argsort(own)) / tissue.n_obs - 0.5)
    tissue.X = sp.csr_matrix(rng.poisson(depth[:, None] * rate).astype(float))
    tissue.obsm["morphology"] = features
    tissue.uns = {
        "spatial": tissue.uns["spatial"],
        keys.SETTINGS: {
            keys.MORPHOLOGY: {
                "columns": ["a", "b", "c", "d"],
                "encoder": ["colour"] * 4,
            }
        },
    }
    return list(tissue.var_names[:20]), np.log(rate[:, :20])


def plain():
    return ViewRidge([VIEW])


def aware():
    return SamplingDepth(plain(), ViewRidge([VIEW], by_depth=True))


def test_counts_aware_beats_plain_where_depth_varies_tenfold(tissue):
    """Against the planted rates of a section never seen, from few spots."""
    gain = []
    for seed in range(6):
        genes, rate = varied_depth(tissue, shared_with_image=False, seed=seed)
        plain_one, aware_one = (
            pearson_columns(
                make().fit(tissue, genes, TRAIN[::4]).predict(tissue, TEST), rate[TEST]
            ).mean()
            for make in (plain, aware)
        )
        gain.append(aware_one - plain_one)
    assert np.mean(gain) > 0.02
    assert np.mean(np.array(gain) > 0) > 0.8


def test_depth_seen_in_the_image_reaches_every_gene(tissue):
    """Rates are the same everywhere in the test section: only depth differs."""
    genes, _ = varied_depth(tissue, shared_with_image=True)
    model = aware().fit(tissue, genes, TRAIN)
    depth = np.asarray(tissue.X.sum(axis=1)).ravel()
    counts = tissue.X[TEST][:, :20].toarray()
    truth = np.log1p(1e4 * counts / depth[TEST, None])
    by_depth = model._at(model.level_ + model.members[0]._predict(tissue, TEST)[:, 0])
    assert pearson_columns(by_depth, truth).mean() > 0.15
    guess = model.predict(tissue, TEST)
    np.testing.assert_allclose(guess.mean(), truth.mean(), atol=0.2)


def test_prediction_on_average_is_that_of_training(tissue):
    """A predicted depth varies less than a measured one; the mean must not move."""
    genes, _ = varied_depth(tissue, shared_with_image=False)
    model = SamplingDepth(plain(), plain()).fit(tissue, genes, TRAIN)
    counts = tissue.X[TRAIN].toarray()
    truth = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))[:, :20]
    found = model.predict(tissue, TRAIN).mean(axis=0)
    np.testing.assert_allclose(found, truth.mean(axis=0), atol=1e-6)


@pytest.fixture
def two_kinds(tissue):
    """Half of the genes follow both encoders, half the network's own column."""
    rng = np.random.default_rng(2)
    shared, alone = rng.normal(size=(2, tissue.n_obs))
    noise = rng.normal(size=(tissue.n_obs, 4)) * 0.1
    features = np.stack([shared, shared, shared, alone], axis=1) + noise
    tissue.obsm["morphology"] = features.astype(np.float32)
    encoders = ["colour", "colour", "network", "network"]
    settings = {"columns": list("abcd"), "encoder": encoders}
    tissue.uns = {
        "spatial": tissue.uns["spatial"],
        keys.SETTINGS: {keys.MORPHOLOGY: settings},
    }
    rate = np.exp(np.stack([shared, alone], axis=1).repeat(5, axis=1))
    rate = np.column_stack([20 * rate, np.full((tissue.n_obs, 50), 40.0)])
    tissue.X = sp.csr_matrix(rng.poisson(rate).astype(float))
    return tissue


def believed(member=None):
    forms = (
        ViewRidge([VIEW], alphas=(1.0,)),
        ViewRidge([View("*", (1,))], besides=("colour",), alphas=(1.0,)),
    )
    return Believed(member or ViewRidge([VIEW, View("*", (1,))]), forms)


@pytest.mark.parametrize("count", [10, 40])
def test_a_gene_is_believed_as_far_as_two_kinds_of_features_agree(two_kinds, count):
    """Ten genes are predicted as they are, forty by the components they share."""
    genes = list(two_kinds.var_names[:count])
    model = believed().fit(two_kinds, genes, TRAIN)
    alone = model.members[0].predict(two_kinds, TEST)
    ratio = model.predict(two_kinds, TEST).std(axis=0) / alone.std(axis=0)
    first, second = (form.predict(two_kinds, TEST) for form in model.members[1:])
    np.testing.assert_allclose(
        ratio, np.maximum(pearson_columns(first, second), 0), atol=1e-6
    )
    assert ratio[:5].min() > 0.8
    assert ratio[5:10].max() < 0.5


def test_a_section_whose_image_means_something_else_is_not_believed(two_kinds):
    """The network's features of the test section are those of other spots."""
    genes = list(two_kinds.var_names[:5])
    model = believed().fit(two_kinds, genes, TRAIN)
    usual = model.predict(two_kinds, TEST).std(axis=0)
    other = two_kinds.copy()
    order = np.random.default_rng(3).permutation(TEST)
    other.obsm["morphology"][TEST, 2:] = two_kinds.obsm["morphology"][order, 2:]
    assert (model.predict(other, TEST).std(axis=0) < 0.4 * usual).all()
    np.testing.assert_array_equal(
        model.predict(other, TRAIN), model.predict(two_kinds, TRAIN)
    )


@pytest.mark.parametrize(
    ("trained", "met", "drawn"),
    [
        (["P1", "P1", "P2"], ["P1", "P1", "P1"], False),
        (["P1", "P1", "P2"], ["P1", "P1", "P3"], True),
        (["P1", "P1", "P2"], ["P1", "P1", None], True),
        (["P1", "P1", "P2"], None, True),
        (None, ["P1", "P1", "P1"], True),
    ],
)
def test_a_patient_that_was_trained_on_is_believed(two_kinds, trained, met, drawn):
    def of_patients(adata, patients):
        named = adata.copy()
        del named.obs["patient"]
        if patients is not None:
            sections = named.obs["sample_id"].astype(str)
            whose = dict(zip(sections.unique(), patients, strict=True))
            named.obs["patient"] = sections.map(whose)
        return named

    genes = list(two_kinds.var_names[:10])
    model = believed().fit(of_patients(two_kinds, trained), genes, TRAIN)
    section = of_patients(two_kinds, met)
    alone = model.members[0].predict(section, TEST)
    assert np.array_equal(model.predict(section, TEST), alone) != drawn


def test_one_kind_of_features_is_believed_as_it_is(tissue):
    model = believed(plain()).fit(tissue, 10, TRAIN)
    expected = plain().fit(tissue, 10, TRAIN).predict(tissue, TEST)
    np.testing.assert_array_equal(model.predict(tissue, TEST), expected)


def test_believing_needs_no_count_of_the_section(two_kinds):
    genes = list(two_kinds.var_names[:10])
    model = hb.train_translation(two_kinds[TRAIN].copy(), genes=genes, trees=5)
    test = two_kinds[TEST].copy()
    expected = model.predict(test)
    test.X = None
    np.testing.assert_array_equal(model.predict(test), expected)


def test_all_genes_are_predicted_by_the_components_they_share(tissue):
    """More genes than components: close to the ridge on every gene by itself."""
    few = ViewRidge([VIEW], alphas=(0.3,)).fit(tissue, 60, TRAIN)
    every = ViewRidge([VIEW], alphas=(0.3,), components=60).fit(tissue, 60, TRAIN)
    assert few.gene_axes_.shape == (60, 20)
    assert every.gene_axes_ is None
    found, expected = few.predict(tissue, TEST), every.predict(tissue, TEST)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_threads_that_fit_at_once_do_not_mix_components(moment):
    """Another thread's fit falls between two assignments of the memory they share."""
    one, other = np.random.default_rng(0).gamma(2, size=(2, 30, 8))

    class Interrupted(type(components._shared)):
        left = 0

        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            if self.left:
                vars(self)["left"] -= 1
                if not self.left:
                    self(other, 3)

    memory = Interrupted()
    vars(memory)["left"] = moment
    for target in (one, other):
        expected = components.Shared.of(target, 3)
        np.testing.assert_array_equal(memory(target, 3).scores, expected.scores)
