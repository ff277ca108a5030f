"""Stain normalisation on colours whose stains are planted."""

import numpy as np
import pytest

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.images import open_slide, stains

ONE = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
OTHER = np.array([[0.55, 0.72, 0.42], [0.20, 0.90, 0.38]])


def painted(vectors, seed=0, strength=1.0):
    """Image (100, 100, 3) of two stains on white, many pixels of one stain alone."""
    rng = np.random.default_rng(seed)
    amounts = strength * rng.gamma(2.0, 0.5, size=(10_000, 2))
    amounts[:3000, 0], amounts[3000:6000, 1], amounts[9500:] = 0, 0, 0
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return stains._pixels(amounts @ vectors).reshape(100, 100, 3), amounts


@pytest.mark.parametrize("name", ["macenko", "vahadane"])
def test_planted_stains_are_found(name):
    image, _ = painted(ONE)
    find = {"macenko": stains._extreme_angles, "vahadane": stains._sparse_factors}
    found = find[name](stains._density(stains._tissue(image)))
    planted = ONE / np.linalg.norm(ONE, axis=1, keepdims=True)
    assert (np.sum(found * planted, axis=1) > 0.98).all()


@pytest.mark.parametrize("name", stains.NORMALISERS)
def test_one_tissue_in_two_stains_becomes_alike(name):
    first, _ = painted(ONE)
    second, _ = painted(OTHER, strength=0.8)
    change = stains.NORMALISERS[name](second, first)

    def apart(image):
        inside = stains._tissue(image).astype(float)
        return np.abs(inside.mean(axis=0) - stains._tissue(first).mean(axis=0)).mean()

    assert apart(change(second)) < 0.5 * apart(second)
    again = stains.NORMALISERS[name](first, first)(first)
    assert np.abs(again.astype(int) - first).mean() < 6


@pytest.mark.parametrize("name", stains.NORMALISERS)
def test_background_stays_white_and_regions_are_changed_alike(name):
    image, _ = painted(ONE)
    change = stains.NORMALISERS[name](image, painted(OTHER)[0])
    assert (change(np.full((2, 2, 3), 255, np.uint8)) > 250).all()
    np.testing.assert_array_equal(change(image)[3:5, 2:9], change(image[3:5, 2:9]))


def test_features_of_a_normalised_section(tissue, tmp_path):
    def described(stain):
        other = tissue.copy()
        hb.add_morphology(
            other,
            "colour",
            patch_microns=200,
            stain=stain,
            cache=tmp_path,
            progress=False,
        )
        return other

    plain, normal = described(None), described("macenko")
    np.testing.assert_array_equal(plain.obsm["morphology"], tissue.obsm["morphology"])
    assert not np.array_equal(normal.obsm["morphology"], plain.obsm["morphology"])
    assert normal.uns["histobridge"]["morphology"]["stain"] == "macenko"
    again = described("macenko").obsm["morphology"]
    np.testing.assert_array_equal(again, normal.obsm["morphology"])


def test_what_cannot_be_normalised_is_refused(tissue):
    with pytest.raises(ContractError, match="'magic'; available: reinhard"):
        open_slide(tissue, "S1", stain="magic")
    library = tissue.uns["spatial"]["S1"]["images"]
    library["hires"] = np.full_like(library["hires"], 250)
    with pytest.raises(ContractError, match="100 pixels of tissue"):
        open_slide(tissue, "S1", stain="macenko")
