"""Stored features: hit by the same content, missed by any other, never broken."""

import dataclasses

import numpy as np
import pytest

from histobridge.images import add_morphology, morphology
from histobridge.images.cache import cache_folder, cached
from histobridge.images.encoders import find_encoder


@pytest.fixture
def calls(monkeypatch):
    """How often a section was really encoded."""
    made = []
    encode = morphology.encode_section

    def spy(*arguments):
        made.append(arguments)
        return encode(*arguments)

    monkeypatch.setattr(morphology, "encode_section", spy)
    return made


@pytest.fixture
def described(tissue, tmp_path):
    """Describe the first section of ``tissue`` (changed by ``change``), cached."""

    def describe(change=None, **settings):
        adata = tissue[tissue.obs["sample_id"] == "S1"].copy()
        if change is not None:
            change(adata)
        settings = {"patch_microns": 100} | settings
        add_morphology(adata, "colour", cache=tmp_path, progress=False, **settings)
        return adata.obsm["morphology"]

    return describe


def test_the_same_content_is_read_back_identical(described, calls):
    first, second = described(), described()
    assert len(calls) == 1
    np.testing.assert_array_equal(first, second)
    assert first.dtype == second.dtype


def test_expression_and_names_do_not_matter(described, calls):
    def change(adata):
        adata.X = adata.X * 2
        adata.obs_names = [f"other{i}" for i in range(adata.n_obs)]

    described()
    described(change)
    assert len(calls) == 1


def one_pixel(adata):
    adata.uns["spatial"]["S1"]["images"]["hires"][1000 // 4, 300 // 4, 1] ^= 1


def one_position(adata):
    adata.obsm["spatial"][5, 0] += 1e-6


def microns(adata):
    adata.uns["spatial"]["S1"]["scalefactors"]["microns_per_pixel"] *= 1.01


@pytest.mark.parametrize("change", [one_pixel, one_position, microns])
def test_a_changed_input_misses(change, described, calls):
    described()
    described(change)
    assert len(calls) == 2


def test_another_patch_side_misses(described, calls):
    described()
    described(patch_microns=101)
    assert len(calls) == 2


def test_another_version_of_the_encoder_misses(described, calls, monkeypatch):
    described()
    newer = dataclasses.replace(find_encoder("colour"), version="newer")
    monkeypatch.setattr(morphology, "find_encoder", lambda name: newer)
    described()
    assert len(calls) == 2


@pytest.mark.parametrize("kept", [0.0, 0.005, 0.3, 0.999])
def test_a_half_written_file_is_computed_again(kept, described, calls, tmp_path):
    first = described()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    np.testing.assert_array_equal(described(), first)
    assert len(calls) == 2
    assert path.read_bytes() == whole


def test_a_killed_run_leaves_nothing_that_is_read(tmp_path):
    def killed():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("key", killed, tmp_path)
    assert cached("key", lambda: np.arange(3), tmp_path).sum() == 3
    assert [path.name for path in tmp_path.iterdir()] == ["key.npy"]


def test_without_a_folder_nothing_is_stored(tissue, tmp_path, monkeypatch, calls):
    monkeypatch.setenv("HISTOBRIDGE_CACHE", str(tmp_path))
    for _ in range(2):
        add_morphology(
            tissue[:4].copy(), "colour", patch_microns=50, cache=False, progress=False
        )
    assert len(calls) == 2
    assert not list(tmp_path.iterdir())


def test_the_default_folder_follows_the_environment(tissue, tmp_path, monkeypatch):
    monkeypatch.setenv("HISTOBRIDGE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path / "features"
    add_morphology(tissue[:4].copy(), "colour", patch_microns=50, progress=False)
    assert len(list((tmp_path / "features").iterdir())) == 1
