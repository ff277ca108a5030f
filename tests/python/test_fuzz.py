"""Flipped and missing bytes: a refusal or the right answer, never a crash.

Formats with checksums (PNG, zip, tar.gz, model files) must notice every change that
matters. In the others a number can change unseen; what comes back must then still be
of the right kind and shape.
"""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest
import tifffile
from folders import visium_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from test_robustness import opened, refused, section

import histobridge as hb
from histobridge.interop.files import read_h5ad, write_h5ad

fuzz = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
PLACES = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)),
    min_size=1,
    max_size=4,
)


def flipped(whole, places):
    """The bytes with some of them changed, at shares of the length."""
    content = bytearray(whole)
    for share, change in places:
        content[int(share * len(content))] ^= change
    return bytes(content)


def read_back(tmp_path, content, name, call):
    path = tmp_path / name
    path.write_bytes(content)
    return refused(call, str(path))


@pytest.fixture(scope="module")
def h5ad(tmp_path_factory):
    path = tmp_path_factory.mktemp("h5ad") / "a.h5ad"
    write_h5ad(section(np.zeros((12, 14, 3), np.uint8)), str(path))
    return path.read_bytes()


@given(places=PLACES)
@settings(fuzz, max_examples=60)
def test_an_h5ad_with_flipped_bytes(tmp_path, h5ad, places):
    found = read_back(tmp_path, flipped(h5ad, places), "a.h5ad", read_h5ad)
    if found is None:
        return
    if found.X is not None:
        assert found.X.shape == found.shape
        assert found.X.dtype.kind in "fiu"
    assert len(found.obs) == found.n_obs
    assert all(len(values) == found.n_obs for values in found.obsm.values())


def picture(kind):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (24, 36, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    if kind == "tif":
        tifffile.imwrite(
            buffer, image, photometric="rgb", tile=(16, 16), compression="zlib"
        )
    else:
        Image.fromarray(image).save(buffer, {"jpg": "jpeg"}.get(kind, kind))
    return image, buffer.getvalue()


@pytest.mark.parametrize("kind", ["png", "jpg", "tif", "bmp"])
@given(places=PLACES)
@fuzz
def test_an_image_with_flipped_bytes(tmp_path, kind, places):
    image, whole = picture(kind)
    name = f"a.{kind}"
    slide = read_back(tmp_path, flipped(whole, places), name, opened)
    if slide is None:
        return
    seen = refused(slide.read, 0, 0, slide.width, slide.height)
    if seen is None:
        return
    assert seen.dtype == np.uint8
    assert seen.shape == (slide.height, slide.width, 3)
    if kind == "png":
        np.testing.assert_array_equal(seen, image)


@pytest.fixture(scope="module")
def visium(tmp_path_factory):
    folder = tmp_path_factory.mktemp("visium") / "s"
    visium_folder(folder)
    return folder / "outs"


@given(places=PLACES)
@settings(fuzz, max_examples=25)
def test_scale_factors_with_flipped_bytes(visium, places):
    path = visium / "spatial" / "scalefactors_json.json"
    whole = path.read_bytes()
    try:
        path.write_bytes(flipped(whole, places))
        found = refused(hb.data.read_visium, visium)
    finally:
        path.write_bytes(whole)
    if found is None:
        return
    truth = json.loads(whole)["tissue_hires_scalef"]
    kept = found.uns["spatial"]["s"]["scalefactors"].get("tissue_hires_scalef")
    if kept is None:  # its name was hit
        assert refused(hb.images.open_slide, found, "s", "hires") is None
        return
    # What the lattice and the image contradict is noticed; a last digit is not.
    assert truth / 1.3 < kept < truth * 1.3


@pytest.fixture(scope="module")
def model(tmp_path_factory, _tissue):
    path = tmp_path_factory.mktemp("model") / "model"
    hb.save_model(hb.train_translation(_tissue, "train_mean", genes=5), path)
    return path.read_bytes()


@given(share=st.floats(0, 1, exclude_max=True), tail=st.binary(max_size=4))
@fuzz
def test_a_model_file_cut_short(tmp_path, model, share, tail):
    content = model[: int(share * len(model))] + tail
    if content != model:
        assert read_back(tmp_path, content, "model", hb.load_model) is None


def archived(kind):
    rng = np.random.default_rng(1)
    members = {
        "spatial/a.csv": b"x,y\n" * 50,
        "b.bin": rng.bytes(600),
        "spatial/c.json": b"{}",
    }
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members.items():
                file.writestr(name, content)
    else:
        with tarfile.open(fileobj=buffer, mode=f"w:{kind}") as file:
            for name, content in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                file.addfile(entry, io.BytesIO(content))
    return members, buffer.getvalue()


@pytest.mark.parametrize("kind", ["zip", "gz", "xz"])
@given(places=PLACES, keep=st.floats(0.5, 1.5))
@settings(fuzz, max_examples=60)
def test_an_archive_with_flipped_or_missing_bytes(tmp_path_factory, kind, places, keep):
    members, whole = archived(kind)
    folder = tmp_path_factory.mktemp("archive")
    content = flipped(whole, places)[: int(keep * len(whole))]
    to = folder / "to"
    path = folder / "archive"
    path.write_bytes(content)
    found = refused(hb.data.unpack_archive, path, to)
    # Whatever happens, nothing is written beside the folder.
    assert {p.name for p in folder.iterdir()} <= {"archive", "to"}
    if found is None:
        return
    got = {
        p.relative_to(to).as_posix(): p.read_bytes()
        for p in to.rglob("*")
        if p.is_file()
    }
    assert got == members
