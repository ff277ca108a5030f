"""Sections laid over one another, and brought to one scale: planted truth."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import map_coordinates

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.data import simulate_tissue
from histobridge.sections import label_agreement, landmark_error
from histobridge.sections.combat import ADJUST, combat, harmonise
from histobridge.sections.rigid import procrustes, turn
from histobridge.sections.transport import fused_plan, partial_plan
from histobridge.sections.warp import smooth_warp


@pytest.fixture(scope="module")
def section():
    made = simulate_tissue(
        1, spots_per_side=14, n_genes=60, microns_per_pixel=4, seed=5
    )
    made.obs["place"] = list(made.obs_names)
    return made


def copied(adata, points):
    """The section again at other places, with half of its counts."""
    made = adata.copy()
    made.obs_names = [f"again_{name}" for name in made.obs_names]
    made.obs["sample_id"] = "again"
    made.obsm["spatial"] = points
    made.uns["spatial"] = {"again": adata.uns["spatial"]["S1"]}
    rng = np.random.default_rng(0)
    made.X = made.X.copy()
    made.X.data = rng.binomial(made.X.data.astype(int), 0.5).astype(float)
    return made


def moved(adata, degrees, shift, bend=0.0):
    points = adata.obsm["spatial"]
    centre, size = points.mean(axis=0), np.ptp(points)
    away = points - centre
    wave = np.sin(2 * np.pi * away[:, ::-1] / size)
    return copied(adata, (away + bend * size * wave) @ turn(degrees).T + centre + shift)


def error(adata):
    return adata.uns["histobridge"]["aligned"]["landmark_error"]


@pytest.mark.parametrize("degrees", [0, 35, 170])
@pytest.mark.parametrize("overlap", [1.0, 0.7])
def test_a_planted_motion_is_found(section, degrees, overlap, untouched):
    still, again = section.copy(), moved(section, degrees, (100, -60))
    before = again.obsm["spatial"].copy()
    hb.align_sections([still, again], overlap=overlap, landmarks="place")
    # A fifth of the distance of spots.
    assert error(again)["after"] < 40
    assert error(again)["before"] > 300
    np.testing.assert_array_equal(again.obsm["spatial"], before)
    np.testing.assert_allclose(still.obsm["aligned"], still.obsm["spatial"] * 4)


@pytest.mark.parametrize("overlap", [1.0, 0.7])
def test_histology_finds_the_motion_where_expression_tells_nothing(section, overlap):
    found = {}
    for image in (0.0, 0.9):
        still, again = section.copy(), moved(section, 110, (100, -60))
        hb.add_morphology(still, "colour", cache=False, progress=False)
        again.obsm["morphology"] = still.obsm["morphology"]
        again.uns["histobridge"] = still.uns["histobridge"]
        again.X = again.X[np.random.default_rng(1).permutation(again.n_obs)]
        hb.align_sections(
            [still, again], image=image, overlap=overlap, landmarks="place"
        )
        found[image] = error(again)["after"]
    assert found[0.9] < 40
    assert found[0.0] > 300


def test_sections_that_share_a_part_need_partial_matching(section):
    x = section.obsm["spatial"][:, 0]
    left, right = section[x < np.quantile(x, 0.7)], section[x > np.quantile(x, 0.3)]
    found = {}
    for overlap in (1.0, 0.55):
        still, again = left.copy(), moved(right.copy(), 20, (0, 0))
        hb.align_sections([still, again], overlap=overlap, landmarks="place")
        found[overlap] = error(again)["after"]
    assert found[0.55] < 60
    assert found[0.55] < found[1.0] / 2


def test_a_smooth_deformation_is_followed_only_when_asked(section):
    found = {}
    for warp in (False, True):
        still, again = section.copy(), moved(section, 20, (30, 10), bend=0.04)
        hb.align_sections([still, again], warp=warp, landmarks="place")
        found[warp] = error(again)["after"]
    assert found[True] < found[False] / 2


def test_matches_without_a_common_bend_are_not_followed():
    # On neighbouring sections of cortex a spline through noisy matches lost layers.
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(np.arange(20), np.arange(20)), -1).reshape(-1, 2)
    fixed = 100.0 * grid
    plan = np.zeros((400, 400))
    for i, point in enumerate(fixed):
        near = np.linalg.norm(fixed - point, axis=1)
        plan[i, rng.choice(np.argsort(near)[:25])] = 1
    assert smooth_warp(fixed, fixed, plan) is None
    bent = fixed + 60 * np.sin(fixed[:, ::-1] / 400)
    bend = smooth_warp(bent, fixed, np.eye(400))
    left = np.linalg.norm(bend(bent) - fixed, axis=1)
    assert np.median(left) < 0.2 * np.median(np.linalg.norm(bent - fixed, axis=1))


def test_one_object_of_several_sections_is_chained(section):
    three = [section.copy(), moved(section, 30, (50, 0)), moved(section, 75, (0, 9))]
    three[2].obs["sample_id"] = "third"
    three[2].uns["spatial"] = {"third": section.uns["spatial"]["S1"]}
    three[2].obs_names = [f"third_{i}" for i in range(three[2].n_obs)]
    import anndata as ad

    whole = ad.concat(three, uns_merge=None)
    whole.uns["spatial"] = {}
    for part in three:
        whole.uns["spatial"].update(part.uns["spatial"])
    hb.align_sections(whole, landmarks="place")
    assert error(whole)["after"] < 40
    degrees = whole.uns["histobridge"]["aligned"]["degrees"]
    np.testing.assert_allclose(degrees, [0, -30, -45], atol=1.5)


def photographed(adata, degrees, shift, bend):
    """The section with its image turned, bent and stained more weakly."""
    image = adata.uns["spatial"]["S1"]["images"]["hires"]
    size, pad = float(image.shape[1]), 120
    centre = np.array([size / 2, size / 2])

    def wave(points):
        return bend * size * np.sin(2 * np.pi * points[:, ::-1] / size)

    side = image.shape[0] + 2 * pad
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    flat = (grid - centre - pad - shift) @ turn(degrees)
    x, y = (flat + wave(flat) + centre).T
    channels = [
        map_coordinates(image[..., c].astype(float), [y, x], order=1, cval=244)
        for c in range(3)
    ]
    picture = 255 * (np.stack(channels, -1).reshape(side, side, 3) / 255) ** 0.8
    target = adata.obsm["spatial"] - centre
    inner = target.copy()
    for _ in range(50):
        inner = target - wave(inner)
    made = copied(adata, inner @ turn(degrees).T + centre + pad + shift)
    library = dict(adata.uns["spatial"]["S1"])
    library["images"] = {"hires": np.clip(picture, 0, 255).astype(np.uint8)}
    made.uns["spatial"] = {"again": library}
    return made


def test_images_are_registered_through_turn_bend_and_stain(section):
    found = {}
    for warp in (False, True):
        still, again = section.copy(), photographed(section, 25, (40, -30), 0.03)
        hb.align_sections([still, again], method="image", warp=warp, landmarks="place")
        found[warp] = error(again)["after"]
    assert found[True] < 40
    assert found[True] < found[False]


def test_what_cannot_be_aligned_is_refused(section):
    with pytest.raises(ContractError, match="at least two sections"):
        hb.align_sections(section.copy())
    pair = [section.copy(), moved(section, 0, (0, 0))]
    with pytest.raises(ContractError, match="a method by name"):
        hb.align_sections(pair, method="magic")
    with pytest.raises(ContractError, match="an overlap above 0"):
        hb.align_sections(pair, overlap=0)
    unscaled = pair[1].copy()
    unscaled.uns = {}
    with pytest.raises(ContractError, match="of all sections, or of none"):
        hb.align_sections([pair[0], unscaled])
    for wrong in ({"image": 2.0}, {"image": -0.5}, {"structure": 1.5}):
        with pytest.raises(ContractError, match="a weight"):
            hb.align_sections(pair, **wrong)
    for one in pair:
        one.obsm.pop("morphology", None)
    with pytest.raises(ContractError, match="image features"):
        hb.align_sections(pair, image=0.5)
    pair[1].var_names = [f"other{i}" for i in range(pair[1].n_vars)]
    with pytest.raises(ContractError, match="genes in common"):
        hb.align_sections(pair)
    assert "aligned" not in pair[0].obsm


@pytest.mark.parametrize("mass", [1.0, 0.6])
def test_plans_move_the_mass_and_are_those_of_pot(mass):
    import ot

    rng = np.random.default_rng(3)
    a, b = rng.random((8, 2)), rng.random((8, 2))
    cost, first, second = (
        np.linalg.norm(x[:, None] - y, axis=2) for x, y in ((a, b), (a, a), (b, b))
    )
    start = partial_plan(cost, mass)
    plan = fused_plan(cost, first, second, start, structure=0.3, mass=mass)
    assert plan.sum() == pytest.approx(mass)
    assert (plan.sum(axis=0) <= 1 / 8 + 1e-9).all()
    if mass == 1:
        _, log = ot.gromov.fused_gromov_wasserstein(
            cost, first, second, alpha=0.3, G0=start, log=True
        )
        own = 0.7 * (cost * plan).sum()
        away = (first[:, None, :, None] - second[None, :, None, :]) ** 2
        own += 0.3 * np.einsum("ijkl,ij,kl", away, plan, plan)
        assert own <= log["fgw_dist"] + 1e-6


def test_procrustes_never_reflects():
    rng = np.random.default_rng(0)
    points = rng.random((20, 2))
    mirrored = points * (1, -1)
    assert np.linalg.det(procrustes(points, mirrored, np.eye(20)).rotation) > 0
    motion = procrustes(points, points @ turn(50).T + 3, np.eye(20))
    assert motion.degrees == pytest.approx(50)


def test_errors_of_landmarks_and_agreement_of_labels():
    points = np.array([[0.0, 0], [10, 0], [20, 0]])
    names = pd.Series(["a", "b", None])
    assert landmark_error([points, points + np.array([3, 4])], [names, names]) == 5
    with pytest.raises(ContractError, match="landmarks that"):
        landmark_error([points, points], [names, pd.Series([None] * 3)])
    other = pd.Series(["a", "x", "c"])
    assert label_agreement(points, points, names, other) == 0.5


def batches(seed=0, n=60, genes=40):
    """Two batches with planted shifts and scales, and a covariate that is real."""
    rng = np.random.default_rng(seed)
    batch, group = np.repeat([0, 1], n // 2), np.tile([0.0, 1.0], n // 2)
    values = rng.standard_normal((n, genes)) + np.outer(group, np.full(genes, 3.0))
    return values + batch[:, None] * rng.normal(2, 0.5, genes), batch, group[:, None]


@pytest.mark.parametrize("method", sorted(ADJUST))
def test_planted_batches_go_and_covariates_stay(method):
    values, batch, group = batches()
    adjusted = ADJUST[method](values, batch, group)
    apart = adjusted[batch == 0].mean(axis=0) - adjusted[batch == 1].mean(axis=0)
    # ComBat shrinks, so a little of each shift is left.
    assert np.abs(apart).max() < 0.5
    effect = adjusted[group[:, 0] == 1].mean(axis=0) - adjusted[group[:, 0] == 0].mean(
        axis=0
    )
    assert effect.mean() == pytest.approx(3, abs=0.2)


def test_missing_genes_are_adjusted_where_they_were_measured():
    values, batch, group = batches()
    third = np.concatenate([batch, np.full(20, 2)])
    values = np.vstack([values, values[:20] - 5])
    group = np.vstack([group, group[:20]])
    values[third == 2, :10] = np.nan
    values[third != 0, 10:20] = np.nan
    adjusted = harmonise(values, third, group, combat)
    np.testing.assert_array_equal(np.isnan(adjusted), np.isnan(values))
    # One batch alone measured these.
    np.testing.assert_array_equal(adjusted[:, 10:20], values[:, 10:20])
    # The others are what an adjustment of their own batches alone gives.
    own = third != 2
    alone = combat(values[own][:, :10], third[own], group[own])
    np.testing.assert_allclose(adjusted[own, :10], alone)


@pytest.mark.parametrize("method", sorted(ADJUST))
def test_spots_without_counts_stay_empty_and_move_no_other(tissue, method):
    counts = tissue.X.toarray()
    counts[[0, 9, 100]] = 0
    tissue.X = counts
    without = tissue[counts.sum(axis=1) > 0].copy()
    hb.harmonize_sections(tissue, method=method)
    hb.harmonize_sections(without, method=method)
    found = tissue.layers["harmonized"]
    assert (found[[0, 9, 100]] == 0).all()
    np.testing.assert_array_equal(
        np.delete(found, [0, 9, 100], axis=0), without.layers["harmonized"]
    )
    tissue.X[(tissue.obs["sample_id"] == "S3").to_numpy()] = 0
    with pytest.raises(ContractError, match="two spots with counts"):
        hb.harmonize_sections(tissue, method=method)


def test_a_panel_gene_is_missing_not_zero(tissue, untouched):
    counts = tissue.X.toarray()
    away = tissue.obs["sample_id"].to_numpy() == "S3"
    counts[away, 0] = 0
    tissue.X = counts
    hb.harmonize_sections(tissue, method="limma")
    layer = tissue.layers["harmonized"]
    assert (layer[away, 0] == 0).all()
    means = [
        layer[(tissue.obs["sample_id"] == s).to_numpy(), 0].mean() for s in ("S1", "S2")
    ]
    assert means[0] == pytest.approx(means[1], abs=1e-4)
    with pytest.raises(ContractError, match="a method by name"):
        hb.harmonize_sections(tissue, method="magic")
    with pytest.raises(ContractError, match="two batches of two spots"):
        hb.harmonize_sections(tissue[:20].copy())
