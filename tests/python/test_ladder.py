"""Every rung of the ladder knows what its name says and no more."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score

from histobridge import registry
from histobridge.evaluation.baselines.translation import centred_positions
from histobridge.evaluation.views import withheld_view as withheld
from histobridge.normalisation import log_normalise, pearson_columns

TRAIN, TEST = np.arange(128), np.arange(128, 192)


def rung(name, task="translation"):
    return registry.find(name, task).build(seed=0)


@pytest.fixture
def normal(tissue):
    return log_normalise(tissue.X).toarray()


def predicted(tissue, name, train=TRAIN, test=TEST):
    entry = registry.find(name, "translation")
    model = entry.build(seed=0).fit(tissue, list(tissue.var_names), train)
    return model.predict(withheld(tissue, test, entry.needs), test)


def test_train_mean_is_the_mean_of_training_spots(tissue, normal):
    found = predicted(tissue, "train_mean")
    np.testing.assert_allclose(found, np.tile(normal[TRAIN].mean(axis=0), (64, 1)))


def test_depth_scalar_is_a_line_in_log_depth(tissue, normal):
    depth = np.log(np.asarray(tissue.X.sum(axis=1)).ravel())
    slope, level = np.polyfit(depth[TRAIN], normal[TRAIN], 1)
    expected = level + depth[TEST, None] * slope
    np.testing.assert_allclose(predicted(tissue, "depth_scalar"), expected, atol=1e-9)


def test_section_copy_averages_the_same_place_of_other_sections(tissue, normal):
    """Sections are one lattice, so the same place is the same row."""
    tissue.obsm["spatial"][64:128] += 40
    expected = (normal[:64] + normal[64:128]) / 2
    np.testing.assert_allclose(predicted(tissue, "section_copy"), expected)


def test_section_copy_never_copies_from_its_own_section(tissue, normal):
    found = predicted(tissue, "section_copy", np.arange(100), np.arange(100, 128))
    np.testing.assert_allclose(found, normal[36:64])


def test_coordinates_knn_is_the_distance_weighted_mean_of_8(tissue, normal):
    train, test = np.arange(0, 64, 2), np.arange(1, 64, 2)
    points = tissue.obsm["spatial"] * 4.0
    apart = np.linalg.norm(points[test][:, None] - points[train], axis=2)
    found = predicted(tissue, "coordinates_knn", train, test)
    for row, distance in zip(found, apart, strict=True):
        near = np.sort(distance)
        if near[7] == near[8]:
            continue
        nearest = np.argsort(distance)[:8]
        weight = 1 / distance[nearest]
        expected = weight @ normal[train[nearest]] / weight.sum()
        np.testing.assert_allclose(row, expected)


def test_coordinates_knn_borrows_from_other_sections_only_without_its_own(
    tissue, normal
):
    found = predicted(tissue, "coordinates_knn")
    expected = (normal[:64] + normal[64:128]) / 2
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_positions_are_centred_within_sections(tissue):
    tissue.obsm["spatial"][:64] += 1000
    centred = centred_positions(tissue)
    np.testing.assert_allclose(centred[:64], centred[64:128])
    np.testing.assert_allclose(np.abs(centred).max(), 700)


def test_permuted_images_are_worse_than_images(tissue, normal):
    """At shared=1 the image holds expression; shuffled within sections it cannot."""
    right = pearson_columns(predicted(tissue, "ridge_plus"), normal[TEST]).mean()
    wrong = pearson_columns(predicted(tissue, "permuted_images"), normal[TEST]).mean()
    assert right > 0.35
    assert abs(wrong) < 0.15


def test_permuting_leaves_the_object_alone(tissue, untouched):
    with untouched(tissue):
        predicted(tissue, "permuted_images")


def test_uniform_and_dirichlet_read_nothing():
    class Nothing:
        types = ("a", "b", "c")

    counts = sp.csr_matrix((7, 4))
    for name in ("uniform", "dirichlet"):
        found = rung(name, "deconvolution").fit_predict(None, counts, Nothing)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert found.shape == (7, 3)
    assert (
        rung("uniform", "deconvolution").fit_predict(None, counts, Nothing) == 1 / 3
    ).all()


def test_blind_rungs_of_domains_do_not_move_with_what_they_do_not_see(tissue):
    other = tissue.copy()
    order = np.random.default_rng(0).permutation(other.n_obs)
    for name, hidden in (
        ("coordinates_kmeans", ("X", "morphology")),
        ("pca_mixture", ("spatial", "morphology")),
        ("spatial_mean_mixture", ("morphology",)),
        ("image_mixture", ("X", "spatial")),
    ):
        other = tissue.copy()
        for part in hidden:
            if part == "X":
                other.X = other.X[order]
            else:
                other.obsm[part] = other.obsm[part][order]
        found = rung(name, "domains").fit_predict(other, 4)
        expected = rung(name, "domains").fit_predict(tissue, 4)
        assert adjusted_rand_score(found, expected) == 1.0, name
