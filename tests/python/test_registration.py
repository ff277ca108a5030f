"""Spots beside the tissue of their image are found, with the shift that brings them."""

import warnings

import numpy as np
import pytest

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.images import open_slide
from histobridge.images.patches import image_positions
from histobridge.images.registration import placement, tissue_mask


@pytest.fixture(scope="module")
def bulb():
    return hb.data.example_bulb()


def moved(adata, section, microns):
    """A copy whose section is shifted, in full-resolution pixels."""
    out = adata.copy()
    rows = (out.obs["sample_id"] == section).to_numpy()
    out.obsm["spatial"] = out.obsm["spatial"].astype(float)
    scale = open_slide(out, section)
    per_pixel = scale.microns_per_pixel * scale.pixel_scale
    out.obsm["spatial"][rows] += np.asarray(microns) / per_pixel
    return out


def test_spots_on_their_tissue_are_left_alone(bulb):
    found = hb.check_registration(bulb)
    assert list(found["section"]) == ["Rep4", "Rep9"]
    assert (found["on_tissue"] > 0.95).all()
    assert (found["shift_microns"] < 50).all()
    assert not found["in_doubt"].any()


@pytest.mark.parametrize("microns", [(400, 0), (0, -500), (600, 300), (-300, 700)])
def test_a_planted_shift_is_found_in_its_section_only(bulb, microns):
    wrong = moved(bulb, "Rep9", microns)
    before = wrong.copy()
    found = hb.check_registration(wrong).set_index("section")
    assert list(found["in_doubt"]) == [False, True]
    assert found.loc["Rep9", "on_tissue"] < 0.9 < found.loc["Rep9", "on_tissue_shifted"]
    slide = open_slide(wrong, "Rep9")
    back = found.loc["Rep9", ["shift_x", "shift_y"]].to_numpy(float)
    back = back * slide.pixel_scale * slide.microns_per_pixel
    assert np.abs(back + np.array(microns)).max() < 80
    assert np.array_equal(wrong.obsm["spatial"], before.obsm["spatial"])
    assert wrong.uns.keys() == before.uns.keys()


def test_the_shift_that_is_told_brings_the_spots_back(bulb):
    wrong = moved(bulb, "Rep4", (500, 200))
    found = hb.check_registration(wrong).set_index("section")
    shift = found.loc[wrong.obs["sample_id"], ["shift_x", "shift_y"]].to_numpy()
    wrong.obsm["spatial"] += shift
    assert not hb.check_registration(wrong)["in_doubt"].any()


def test_features_of_misplaced_spots_come_with_a_warning(bulb):
    wrong = moved(bulb, "Rep9", (0, -380))
    with pytest.warns(UserWarning, match="section 'Rep9' lie beside the tissue"):
        hb.add_morphology(wrong, "colour", cache=False, progress=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hb.add_morphology(bulb.copy(), "colour", cache=False, progress=False)


def test_some_spots_of_the_middle_are_no_reason_to_doubt(bulb):
    points = bulb.obsm["spatial"]
    middle = np.median(points[: (bulb.obs["sample_id"] == "Rep4").sum()], axis=0)
    near = np.argsort(((points - middle) ** 2).sum(axis=1))
    rows = [i for i in near if bulb.obs["sample_id"].iloc[i] == "Rep4"][:20]
    found = hb.check_registration(bulb[rows].copy())
    assert found["on_tissue"].iloc[0] == pytest.approx(1.0)
    assert not found["in_doubt"].iloc[0]


def test_a_picture_without_glass_is_all_tissue(bulb):
    slide = open_slide(bulb, "Rep4")
    points = bulb.obsm["spatial"][(bulb.obs["sample_id"] == "Rep4").to_numpy()]
    points = image_positions(slide, points, "Rep4")
    low = np.quantile(points, 0.3, axis=0).astype(int)
    high = np.quantile(points, 0.7, axis=0).astype(int)
    cut = bulb[bulb.obs["sample_id"] == "Rep4"].copy()
    inside = ((points > low) & (points < high)).all(axis=1)
    part = slide.read(*low, *(high - low))
    cut = cut[inside].copy()
    cut.obsm["spatial"] = (points - low)[inside]
    library = cut.uns["spatial"]["Rep4"]
    library["images"] = {"hires": part}
    library["scalefactors"] = {
        "tissue_hires_scalef": 1.0,
        "microns_per_pixel": slide.microns_per_pixel,
    }
    assert tissue_mask(open_slide(cut, "Rep4"))[0] is None
    found = hb.check_registration(cut)
    assert (
        found["on_tissue"].iloc[0] == pytest.approx(1.0)
        and not found["in_doubt"].iloc[0]
    )


def test_bins_much_finer_than_a_pixel_of_the_mask_are_placed(bulb):
    """8 micron bins all over the section, shifted by half a millimetre."""
    slide = open_slide(bulb, "Rep4")
    mask, side = tissue_mask(slide)
    row, column = np.nonzero(np.kron(mask, np.ones((2, 2))))
    bins = (np.column_stack([column, row]) + 0.5) * side / 2
    lying = placement(slide, bins)
    assert lying.on_tissue > 0.95 and not lying.in_doubt
    shifted = placement(slide, bins + np.array([500.0, 0]) / slide.microns_per_pixel)
    assert shifted.in_doubt
    assert abs(shifted.shift[0] * slide.microns_per_pixel + 500) < 60


def test_what_is_no_image_is_named(bulb):
    with pytest.raises(ContractError, match="image named 'absent'"):
        hb.check_registration(bulb, image_id="absent")


def test_spots_far_from_any_image_are_in_doubt_at_no_cost(bulb):
    wrong = bulb.copy()
    wrong.obsm["spatial"] = wrong.obsm["spatial"] * 1e4 + 1e6
    found = hb.check_registration(wrong)
    assert found["in_doubt"].all() and (found["on_tissue"] == 0).all()


def test_stray_spots_count_as_beside(bulb):
    wrong = bulb[bulb.obs["sample_id"] == "Rep4"].copy()
    wrong.obsm["spatial"] = wrong.obsm["spatial"].astype(float)
    wrong.obsm["spatial"][:66] += 1e7
    found = hb.check_registration(wrong)
    assert 0.7 < found["on_tissue"].iloc[0] < 0.76
    assert not found["in_doubt"].iloc[0]
