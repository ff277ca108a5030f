"""Saliency is tested: planted truth is found, what knows nothing is marked."""

import functools

import numpy as np
import pytest
from planted_nuclei import (
    SPOTS,
    TILE,
    explained,
    nuclei_tissue,
    tiny_model,
    tissue,
    trained,
    truth_of,
)

import histobridge as hb
from histobridge import registry
from histobridge.contract import ContractError
from histobridge.explain import judge, verbs
from histobridge.explain.faithfulness import orders
from histobridge.explain.fills import road
from histobridge.explain.networks import NetworkProbe
from histobridge.explain.randomisation import agreement, randomised
from histobridge.explain.segments import nuclei, segments
from histobridge.explain.target import find_target

METHODS = ["occlusion", "grad_cam", "integrated_gradients", "score_cam"]


@functools.cache
def found():
    return explained()


def passing(explanation):
    """As if every method had passed."""
    verdict = explanation.verdict.assign(passes=True, reason="")
    return hb.explain.Explanation(**vars(explanation) | {"verdict": verdict})


def unseen():
    return tissue()[SPOTS:].copy()


def probe_of(model, spots):
    adata = unseen()
    target = find_target(model, adata, "informative", None)
    return NetworkProbe(model, adata, np.asarray(spots), target)


def auroc(truth, values):
    """Chance that a pixel of the truth is above another, ties half."""
    inside, outside = values[truth], values[~truth]
    above = inside[:, None] > outside
    return (above + 0.5 * (inside[:, None] == outside)).mean()


@pytest.mark.parametrize("method", METHODS)
def test_planted_nuclei_are_found_and_the_map_passes(method):
    explanation = found()
    assert explanation.maps[method].shape == (20, TILE, TILE)
    place = tissue().obs_names.get_indexer(explanation.spots["spot"])
    truth = truth_of(tissue(), place)
    scores = [
        auroc(t, m)
        for t, m in zip(truth, explanation.maps[method], strict=True)
        if t.any()
    ]
    assert np.mean(scores) > 0.95
    verdict = explanation.verdict.set_index("method").loc[method]
    if method in ("occlusion", "integrated_gradients"):
        assert verdict["passes"], verdict["reason"]
    assert "random" not in verdict["reason"]
    assert "centre" not in verdict["reason"]


def test_the_table_holds_every_test_and_the_fdr_is_over_all():
    table = found().tests
    faithful = table[table["test"].isin(("deletion", "insertion", "road"))]
    assert len(faithful) == len(METHODS) * 9
    assert (faithful["fdr"] >= faithful["p_value"]).all()
    assert (faithful["n"] == 20).all()
    nuclear = table[table["test"] == "nuclei"]
    assert (nuclear["effect"] > 1).all()
    assert (nuclear["p_value"] < 0.01).all()
    assert set(found().curves["order"]) == {*METHODS, "random", "centre", "edges"}


def test_a_randomised_model_loses_its_maps():
    explanation = found()
    table = explanation.tests
    same = table.loc[table["test"] == "randomised model", "effect"]
    assert len(same) == len(METHODS)
    assert (same < 0.4).all()
    other = randomised(trained(), 0)
    adata = unseen()
    assert abs(np.corrcoef(other.predict(adata)[:, 0], adata.obs["blue"])[0, 1]) < 0.6
    assert np.corrcoef(trained().predict(adata)[:, 0], adata.obs["blue"])[0, 1] > 0.9


def test_what_survives_randomisation_is_marked():
    maps = {"edge_like": found().maps["occlusion"][:8]}
    rows = judge.compare_randomised(maps, {"edge_like": [maps["edge_like"]]})
    assert rows["effect"].iloc[0] == pytest.approx(1)
    verdict = judge.verdicts(rows, maps)
    assert not verdict["passes"].any()
    assert "randomised" in verdict["reason"].iloc[0]


@pytest.mark.parametrize("kind", ["constant", "noise", "upside down"])
def test_maps_that_know_nothing_are_marked(kind):
    probe = probe_of(trained(), range(8))
    probe.count = 16
    shape = probe.patches.shape[:3]
    maps = {
        "constant": np.ones(shape),
        "noise": np.random.default_rng(0).random(shape),
        "upside down": -found().maps["occlusion"][:8],
    }[kind]
    tests, _ = judge.judge(probe, {kind: maps}, 3, seed=5)
    verdict = judge.verdicts(tests, {kind: maps}).iloc[0]
    assert not verdict["passes"]
    assert "no better than random" in verdict["reason"]
    assert ("constant map" in verdict["reason"]) == (kind == "constant")


def test_integrated_gradients_are_complete():
    explanation = found()
    total = explanation.maps["integrated_gradients"].sum(axis=(1, 2))
    wanted = explanation.spots["prediction"] - explanation.spots["baseline"]
    np.testing.assert_allclose(total, wanted, atol=0.03)
    assert wanted.std() > 0.3


def test_occlusion_is_the_difference_of_two_predictions():
    """Recomputed on an object whose image holds the changed patch."""
    probe = probe_of(trained(), [3])
    probe.count = 9
    tool = registry.find("occlusion", "explanation").create()
    values, labels = tool.maps(probe)[0], probe.segments[0]
    piece = labels == labels[TILE // 2, TILE // 2]
    adata = unseen()
    image = adata.uns["spatial"]["S2"]["images"]["hires"].copy()
    x, y = (adata.obsm["spatial"][3] - TILE / 2).astype(int)
    image[y : y + TILE, x : x + TILE][piece] = probe.blank[0, 0, 0]
    adata.uns["spatial"] = {
        "S2": adata.uns["spatial"]["S2"] | {"images": {"hires": image}}
    }
    before = trained().predict(unseen(), np.array([3]))[0, 0]
    after = trained().predict(adata, np.array([3]))[0, 0]
    assert values[piece].sum() == pytest.approx(before - after, abs=1e-5)


def test_prediction_of_the_table_is_that_of_the_model():
    explanation = found()
    adata = unseen()
    place = adata.obs_names.get_indexer(explanation.spots["spot"])
    expected = trained().predict(adata)[place, 0]
    np.testing.assert_allclose(explanation.spots["prediction"], expected, atol=1e-5)


def test_sets_and_components_are_targets():
    model, adata = trained(), unseen()
    both = find_target(model, adata, ["informative", "constant"], None)
    np.testing.assert_array_equal(both.weights, [0.5, 0.5])
    first = find_target(model, adata, None, 1)
    values = model.predict(adata)
    variance = (values @ first.weights).var()
    assert variance >= values.var(axis=0).max() - 1e-9
    assert first.weights[np.abs(first.weights).argmax()] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"gene": "Penk"}, "genes that the model predicts"),
        ({}, "either gene or component"),
        ({"gene": "informative", "component": 1}, "either gene or component"),
        ({"component": 9}, "component from 1 to 2"),
        ({"gene": "informative", "spots": ["nobody"]}, "names of spots"),
        ({"gene": "informative", "spots": 0}, "at least one spot"),
        ({"gene": "informative", "units": "cells", "spots": 1}, "name of units"),
        ({"gene": "informative", "methods": "magic"}, "explanation system"),
        ({"gene": "informative", "methods": []}, "at least one method"),
        ({"gene": "informative", "steps": 1}, "steps of at least 2"),
        ({"gene": "informative", "n_units": 0}, "n_units of at least 1"),
    ],
)
def test_wrong_questions_are_refused(arguments, message):
    with pytest.raises(ContractError, match=message):
        hb.explain_translation(trained(), unseen(), **arguments)


def test_a_method_that_does_not_apply_names_those_that_do():
    with pytest.raises(ContractError) as caught:
        explained(methods="attention_rollout")
    message = str(caught.value)
    assert "'attention_rollout', which needs attention" in message
    assert message.endswith("grad_cam, integrated_gradients, score_cam")


def test_without_captum_its_method_is_left_out(monkeypatch):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    probe = probe_of(trained(), [0])
    named = [entry.name for entry in verbs.applicable(probe, trained(), None)]
    assert named == ["occlusion", "grad_cam", "score_cam"]
    with pytest.raises(ContractError, match="pip install"):
        verbs.applicable(probe, trained(), "integrated_gradients")


def test_the_object_is_untouched_and_a_seed_decides_all(untouched):
    adata = nuclei_tissue(1, seed=3)
    arguments = {"spots": 2, "n_units": 4, "steps": 2, "methods": "occlusion"}
    with untouched(adata):
        once, twice = (
            hb.explain_translation(trained(), adata, "informative", **arguments)
            for _ in range(2)
        )
    np.testing.assert_array_equal(once.maps["occlusion"], twice.maps["occlusion"])
    assert once.tests.equals(twice.tests)
    assert "fewer than 6 spots" in once.verdict["reason"].iloc[0]


def test_nuclei_are_units_of_their_own():
    patch = probe_of(trained(), [5]).patches[0]
    mask = nuclei(patch, 2.0)
    labels = segments(patch, 2.0, "nuclei", 4)
    assert 0 < mask.mean() < 0.6
    inside = np.unique(labels[mask])
    assert not np.isin(inside, np.unique(labels[~mask])).any()
    np.testing.assert_array_equal(np.unique(labels), np.arange(labels.max() + 1))


def test_orders_are_permutations_by_segment():
    labels = np.repeat(np.arange(4), 4).reshape(1, 4, 4)
    values = np.array([3.0, 1.0, 4.0, 2.0])[labels]
    rank = orders(values, labels, 0)[0]
    assert sorted(rank) == list(range(16))
    assert list(rank[::4] // 4) == [1, 3, 0, 2]


def test_road_solves_its_equations():
    """A linear ramp is its own solution, whatever is removed inside."""
    ramp = np.broadcast_to(np.arange(20)[:, None, None] * 10, (20, 20, 3))
    ramp = ramp.astype(np.uint8)
    removed = np.zeros((20, 20), dtype=bool)
    removed[4:15, 5:13] = True
    filled = road(ramp, removed)
    assert np.abs(filled.astype(float) - ramp).max() < 15
    assert np.abs((filled.astype(float) - ramp)[removed].mean()) < 1
    assert (filled[~removed] == ramp[~removed]).all()
    assert (filled[removed] != ramp[removed]).any()


def test_road_of_large_patches_is_like_that_of_small_ones():
    rng = np.random.default_rng(0)
    small = rng.integers(100, 150, (24, 24, 3)).astype(np.uint8)
    large = small.repeat(4, axis=0).repeat(4, axis=1)
    removed = rng.random((24, 24)) < 0.5
    filled = road(small, removed).astype(float)
    finer = road(large, removed.repeat(4, axis=0).repeat(4, axis=1)).astype(float)
    finer = finer.reshape(24, 4, 24, 4, 3).mean(axis=(1, 3))
    assert np.corrcoef(filled[removed].ravel(), finer[removed].ravel())[0, 1] > 0.7


def test_agreement_is_a_rank_correlation():
    rng = np.random.default_rng(0)
    a = rng.random((2, 5, 5))
    np.testing.assert_allclose(agreement(a, np.exp(a)), 1)
    np.testing.assert_allclose(agreement(a, -a), -1)
    assert (agreement(a, np.ones_like(a)) == 0).all()


def test_failing_maps_say_so_in_the_picture():
    explanation = passing(found())
    shown = hb.explain.plot_saliency(explanation, spots=2)
    titles = [axes.get_title() for axes in shown.axes]
    assert not any("FAILED" in title for title in titles)
    verdict = explanation.verdict.assign(passes=False, reason="constant map")
    failing = hb.explain.Explanation(**vars(explanation) | {"verdict": verdict})
    marked = hb.explain.plot_saliency(failing, spots=2, methods=["occlusion"])
    axes = marked.axes[1]
    assert axes.get_title() == "occlusion\nFAILED its test"
    assert len(axes.lines) == 2
    with pytest.raises(ContractError, match="methods that were run"):
        hb.explain.plot_saliency(explanation, methods=["linear"])
    assert "occlusion: passes" in repr(explanation)


def test_a_loaded_system_is_explained_like_the_one_that_was_saved(tmp_path):
    adata = tissue()[:SPOTS].copy()
    model = hb.train_translation(
        adata,
        "st_net",
        genes=["informative", "constant"],
        backbone="residual",
        scale=1 / 16,
        pixels=16,
        epochs=1,
    )
    again = hb.load_model(hb.save_model(model, tmp_path / "model"))
    methods = ["occlusion", "grad_cam"]
    arguments = {"spots": 1, "n_units": 4, "steps": 2, "methods": methods}
    one, two = (
        hb.explain_translation(m, adata, "informative", **arguments)
        for m in (model, again)
    )
    for name in methods:
        np.testing.assert_allclose(one.maps[name], two.maps[name], atol=1e-6)


def test_an_untrained_model_is_refused():
    with pytest.raises(ContractError, match="fitted"):
        hb.explain_translation(tiny_model(), unseen(), "informative")
