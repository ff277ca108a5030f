"""Explanations of ridge models, of attention, and of networks whose spots meet."""

import functools

import numpy as np
import pytest
import torch
from painted import GENES, SPOTS, painted_tissue
from planted_nuclei import tiny_transformer, trained, truth_of
from planted_nuclei import tissue as nuclei_tissue

import histobridge as hb
from histobridge import registry
from histobridge.contract import ContractError
from histobridge.explain.linear import contributions, training_mean
from histobridge.explain.maps import attended
from histobridge.explain.networks import NetworkProbe
from histobridge.explain.target import Target, find_target
from histobridge.explain.verbs import find_probe
from histobridge.images.features import feature_names
from histobridge.translation.composite import Average
from histobridge.translation.forest import Forest
from histobridge.translation.ridge import View, ViewRidge

TRAIN, TEST = np.arange(2 * SPOTS), np.arange(2 * SPOTS, 3 * SPOTS)
LINEAR = ("hest_ridge", "colour_ridge", "average")


@functools.cache
def painted():
    return painted_tissue()


@functools.cache
def model(name):
    if name == "average":
        members = [ViewRidge([View("colour")]), Forest(trees=10)]
        whole = Average(members)
        return whole.fit(painted(), GENES, TRAIN)
    params = {"trees": 10} if name == "ridge_plus" else {}
    entry = registry.find(name, "translation")
    return entry.create(**params).fit(painted(), GENES, TRAIN)


def probe_of(name, spots):
    target = find_target(model(name), painted(), GENES[0], None)
    return find_probe(model(name), painted(), np.asarray(spots), target)


def repainted_spot(spot, pixels):
    """Copy whose image shows other pixels at one spot, described anew."""
    adata = painted().copy()
    name = adata.obs["sample_id"].iloc[spot]
    library = adata.uns["spatial"][name]
    image = library["images"]["hires"].copy()
    side = len(pixels)
    x, y = np.floor(adata.obsm["spatial"][spot] - side / 2 + 0.5).astype(int)
    image[y : y + side, x : x + side] = pixels
    adata.uns["spatial"] = adata.uns["spatial"] | {
        name: library | {"images": {"hires": image}}
    }
    hb.add_morphology(adata, "colour", patch_microns=160, cache=False, progress=False)
    return adata


@pytest.mark.parametrize("name", LINEAR)
def test_linear_attribution_is_complete(name):
    """Shares of a spot add up to its prediction minus the average training spot."""
    weights = np.eye(len(GENES))[2]
    table = contributions(model(name), painted(), TEST[:9], weights)
    total = table.groupby("spot", sort=False)["value"].sum().to_numpy()
    above = model(name).predict(painted(), TEST[:9]) @ weights
    above = above - training_mean(model(name), weights)
    np.testing.assert_allclose(total, above, atol=1e-9)
    assert above.std() > 0.05
    assert ("not linear" in set(table["encoder"])) == (name == "average")
    assert set(table["feature"]) >= set(feature_names(painted()))


@pytest.mark.parametrize("name", [*LINEAR, "ridge_plus"])
def test_the_probe_predicts_what_a_repainted_section_gives(name):
    probe = probe_of(name, TEST[[10, 24]])
    assert probe.patches.shape[1:] == (16, 16, 3)
    np.testing.assert_allclose(
        probe.prediction, model(name).predict(painted(), TEST[[10, 24]])[:, 0]
    )
    other = 255 - probe.patches[1]
    changed = repainted_spot(TEST[24], other)
    expected = model(name).predict(changed, TEST[[24]])[0, 0]
    found = probe.score(np.array([1, 1]), np.stack([other, probe.patches[1]]))
    assert found[0] == pytest.approx(expected, abs=1e-6)
    assert found[1] == pytest.approx(probe.prediction[1], abs=1e-9)
    assert abs(found[0] - found[1]) > 0.05


@functools.cache
def described():
    """Nuclei with colour features, and a ridge fitted on the first section."""
    adata = nuclei_tissue()
    hb.add_morphology(adata, "colour", patch_microns=48, cache=False, progress=False)
    ridge = registry.find("hest_ridge", "translation").create()
    return adata, ridge.fit(adata, ["informative", "constant"], np.arange(100))


def test_filters_over_the_section_change_nearly_as_if_run_again(tissue):
    """``texture`` sees the whole section; the probe sees what is around the spot."""
    section = tissue[:64].copy()
    encoders = ["colour", "texture"]
    quiet = {"patch_microns": 100, "cache": False, "progress": False}
    hb.add_morphology(section, encoders, **quiet)
    ridge = registry.find("hest_ridge", "translation").create()
    ridge.fit(section, 4)
    target = find_target(ridge, section, ridge.genes_[0], None)
    probe = find_probe(ridge, section, np.array([27]), target)
    found = probe.changes(0, probe.blank)[0]
    library = section.uns["spatial"]["S1"]
    image = library["images"]["hires"].copy()
    side = probe.patches.shape[1]
    x, y = np.floor(section.obsm["spatial"][27] - side / 2 + 0.5).astype(int)
    image[y : y + side, x : x + side] = probe.blank[0]
    again = section.copy()
    again.uns["spatial"] = {"S1": library | {"images": {"hires": image}}}
    hb.add_morphology(again, encoders, **quiet)
    before, after = (a.obsm["morphology"] for a in (section, again))
    wanted = (after - before)[27] / before.std(axis=0)
    found = found / before.std(axis=0)
    np.testing.assert_allclose(found[:52], wanted[:52], atol=1e-4)
    away = np.linalg.norm((found - wanted)[52:]) / np.linalg.norm(wanted[52:])
    assert away < 0.2


def test_the_linear_map_is_that_of_occlusion_where_all_is_linear():
    """But for the scale of the section, and it finds the planted nuclei."""
    adata, ridge = described()
    spots = np.arange(100, 108)
    target = find_target(ridge, adata, "informative", None)
    probe = find_probe(ridge, adata, spots, target)
    maps = {
        name: registry.find(name, "explanation").create().maps(probe)
        for name in ("linear", "occlusion")
    }
    for one, other in zip(*maps.values(), strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.98
    truth = truth_of(adata, spots)
    inside = [m[t].mean() for m, t in zip(maps["linear"], truth, strict=True)]
    outside = [m[~t].mean() for m, t in zip(maps["linear"], truth, strict=True)]
    assert np.nanmean(inside) > 5 * abs(np.mean(outside))


def test_a_model_that_ignores_the_image_has_a_constant_map_that_fails():
    blind = registry.find("train_mean", "translation").create()
    blind.fit(painted(), GENES, TRAIN)
    found = hb.explain_translation(
        blind, painted(), GENES[0], spots=6, n_units=4, steps=2
    )
    assert list(found.maps) == ["occlusion"]
    verdict = found.verdict.iloc[0]
    assert not verdict["passes"]
    assert "constant map" in verdict["reason"]


def test_evidence_in_annotated_regions():
    """Spots that are predicted high are a region of much evidence."""
    adata, ridge = described()
    adata = adata[100:].copy()
    values = ridge.predict(adata)[:, 0]
    adata.obs["region"] = np.where(values > np.median(values), "high", "low")
    found = hb.explain_translation(
        ridge,
        adata,
        "informative",
        methods="linear",
        spots=16,
        n_units=9,
        steps=2,
        regions="region",
    )
    rows = found.tests.set_index("test")
    assert rows.loc["region high", "effect"] > 0.5
    assert rows.loc["region high", "p_value"] < 0.05
    assert rows.loc["region low", "effect"] < 0
    assert rows.loc["nuclei", "p_value"] < 0.05
    assert not found.contributions.empty


def test_features_of_unknown_origin_are_refused():
    adata = painted().copy()
    del adata.uns["histobridge"]
    target = Target("x", np.eye(len(GENES))[0])
    with pytest.raises(ContractError, match="encoders are recorded"):
        find_probe(model("hest_ridge"), adata, TEST[:2], target)


def test_features_of_another_image_are_refused():
    adata = painted().copy()
    adata.obsm["morphology"] = adata.obsm["morphology"][::-1].copy()
    target = Target("x", np.eye(len(GENES))[0])
    with pytest.raises(ContractError, match="from the image of the object"):
        find_probe(model("hest_ridge"), adata, TEST[:2], target)


@functools.cache
def attention_probe():
    adata = nuclei_tissue()
    fitted = trained(tiny_transformer)
    target = find_target(fitted, adata, "informative", None)
    return NetworkProbe(fitted, adata, np.arange(100, 130), target)


def test_watching_attention_changes_nothing():
    probe = attention_probe()
    rows = np.arange(4)
    before = probe.score(rows, probe.patches[rows])
    with attended(probe) as seen:
        during = probe.score(rows, probe.patches[rows])
    np.testing.assert_allclose(during, before, atol=1e-5)
    assert len(seen) == 2
    assert seen[0].shape == (4, 2, 9, 9)
    torch.testing.assert_close(seen[0].sum(dim=-1), torch.ones(4, 2, 9))


def test_rollout_is_the_product_of_its_layers():
    probe = attention_probe()
    maps = registry.find("attention_rollout", "explanation").create().maps(probe)
    with torch.no_grad(), attended(probe) as seen:
        probe.values(np.arange(30), torch.from_numpy(probe.patches))
    layers = [(w[7].mean(0).numpy() + np.eye(9)) / 2 for w in seen]
    expected = (layers[1] @ layers[0]).mean(axis=0).reshape(3, 3)
    np.testing.assert_allclose(maps[7][::8, ::8], expected, atol=1e-5)
    assert maps[7].shape == (24, 24)
    assert (maps[7][:8, :8] == maps[7][0, 0]).all()


def test_gradient_rollout_finds_more_of_the_planted_nuclei_than_chance():
    probe = attention_probe()
    maps = registry.find("gradient_rollout", "explanation").create().maps(probe)
    truth = truth_of(nuclei_tissue(), np.arange(100, 130))
    share = truth.reshape(30, 3, 8, 3, 8).mean(axis=(2, 4)).reshape(30, 9)
    found = [
        np.corrcoef(s, m[::8, ::8].ravel())[0, 1]
        for s, m in zip(share, maps, strict=True)
        if s.std() > 0 and m.std() > 0
    ]
    assert np.mean(found) > 0.2


@pytest.mark.parametrize("name", ["histogene", "hist2st"])
def test_spots_that_see_each_other_are_explained_one_at_a_time(name):
    """The value of a spot is that of a section in which nothing else changed."""
    fitted = registry.find(name, "translation").create(
        scale=1 / 32, epochs=4, pixels=16, learning_rate=1e-2
    )
    fitted.fit(painted(), GENES, TRAIN)
    target = find_target(fitted, painted(), GENES[0], None)
    probe = NetworkProbe(fitted, painted(), TEST[[3, 30]], target)
    expected = fitted.predict(painted(), TEST[[3, 30]])[:, 0]
    np.testing.assert_allclose(probe.prediction, expected, atol=1e-4)
    other = 255 - probe.patches
    together = probe.score(np.array([0, 1]), other)
    alone = [probe.score(np.array([i]), other[i : i + 1])[0] for i in (0, 1)]
    np.testing.assert_allclose(together, alone, atol=1e-4)
    table = probe.table.but(pixels=probe.table.pixels.clone())
    table.pixels[probe._place[0]] = torch.from_numpy(other[0])
    answer = fitted.scaling.back(fitted._answers(table, probe._place.numpy()))
    assert together[0] == pytest.approx(answer[0, 0], abs=1e-4)
    assert abs(together[0] - probe.prediction[0]) > 1e-2
    complete = registry.find("integrated_gradients", "explanation").create(steps=96)
    total = complete.maps(probe).sum(axis=(1, 2))
    wanted = probe.prediction - probe.baseline
    np.testing.assert_allclose(total, wanted, rtol=0.05, atol=0.02)


def test_features_that_are_gone_are_asked_for():
    bare = painted()[TEST].copy()
    del bare.obsm["morphology"]
    with pytest.raises(ContractError, match="run add_morphology"):
        hb.explain_translation(model("ridge_plus"), bare, GENES[0])
