"""The filter bank against planted shapes and against filters computed directly."""

import numpy as np
import pytest
from scipy import ndimage

from histobridge.images.slides import Slide
from histobridge.images.texture import (
    FINEST_MICRONS,
    optical_density,
    texture_features,
    texture_names,
)

UM = 2.0


def slide_of(density):
    """Slide at 2 microns per pixel with an optical density in every channel."""
    pixels = np.round(255 * 10**-density).astype(np.uint8)
    return Slide(np.repeat(pixels[..., None], 3, axis=2), 1.0, UM)


def column(features, name):
    return features[:, texture_names().index(name)]


@pytest.fixture
def flat():
    return np.full((400, 600), 0.2)


def test_there_is_a_name_for_every_column(flat):
    found = texture_features(slide_of(flat), np.array([[300.0, 200.0]]))
    assert found.shape == (1, len(texture_names()))
    assert len(set(texture_names())) == len(texture_names())


def test_even_tissue_has_density_and_no_texture(flat):
    found = texture_features(slide_of(flat), np.array([[300.0, 200.0]]))
    for name, value in zip(texture_names(), found[0], strict=True):
        expected = np.sqrt(0.2) if "_mean_" in name else 0.0
        assert value == pytest.approx(expected, abs=0.02), name


def test_a_dark_disc_is_a_blob_and_a_dark_line_a_ridge(flat):
    y, x = np.mgrid[:400, :600]
    disc, line = np.array([150.0, 200.0]), np.array([450.0, 200.0])
    flat[np.hypot(x - disc[0], y - disc[1]) < 16] = 0.8
    flat[np.abs(x - line[0]) < 8] = 0.8
    at_disc, at_line = texture_features(slide_of(flat), np.stack([disc, line]))
    names = texture_names()
    value = {n: (a, b) for n, a, b in zip(names, at_disc, at_line, strict=True)}
    blob, ridge = value["red_blob_32um"], value["red_dark_ridge_32um"]
    assert blob[0] > 2 * blob[1]
    assert ridge[1] > ridge[0] / 2
    assert ridge[1] > 1.5 * value["red_bright_ridge_32um"][1]
    bright = texture_features(slide_of(1.0 - flat), np.stack([disc, line]))
    assert column(bright, "red_hollow_32um")[0] > 2 * column(bright, "red_blob_32um")[0]


def test_the_finest_level_equals_filters_computed_directly():
    rng = np.random.default_rng(0)
    density = 0.3 + 0.2 * ndimage.gaussian_filter(rng.normal(size=(300, 300)), 4) * 8
    slide = slide_of(np.clip(density, 0, 1.5))
    points = np.array([[120.0, 160.0], [151.0, 90.0]])
    found = texture_features(slide, points)
    level = optical_density(slide, FINEST_MICRONS)[..., 0]
    smooth = ndimage.gaussian_filter(level, 2.0)
    gy, gx = np.gradient(smooth)
    pooled = ndimage.gaussian_filter(2 * np.hypot(gx, gy), 10.0)
    at = (points[:, ::-1].T * UM) / FINEST_MICRONS - 0.5
    expected = np.sqrt(ndimage.map_coordinates(pooled, at, order=1))
    np.testing.assert_allclose(column(found, "red_edge_8um"), expected, rtol=0.02)


def test_scan_resolution_hardly_matters():
    rng = np.random.default_rng(1)
    density = np.clip(
        0.3 + ndimage.gaussian_filter(rng.normal(size=(400, 400)), 8), 0, 1
    )
    fine = Slide(
        slide_of(np.kron(density, np.ones((2, 2)))).read(0, 0, 800, 800), 1, 1.0
    )
    points = np.stack([rng.uniform(100, 300, 30), rng.uniform(100, 300, 30)], axis=1)
    coarse = texture_features(slide_of(density), points)
    np.testing.assert_allclose(texture_features(fine, 2 * points), coarse, atol=0.01)


def test_strips_join_without_a_seam(monkeypatch):
    rng = np.random.default_rng(2)
    slide = slide_of(rng.uniform(0, 1, size=(5000, 40)))
    whole = optical_density(slide, 3.0)
    blocks = optical_density(Slide(slide.read(0, 0, 40, 2400), 1.0, UM), 3.0)
    np.testing.assert_allclose(whole[:1599], blocks[:1599], atol=0.01)


def test_a_black_mask_is_background(flat):
    flat[:, :300] = 3.0
    found = optical_density(slide_of(flat), FINEST_MICRONS)
    np.testing.assert_array_equal(found[:, :140], 0.0)
