"""Damaged and hostile files: one clear refusal, never a crash or a wrong answer."""

import io
import json
import struct
import tarfile
import tracemalloc
import zipfile
import zlib

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import tifffile
from folders import st_folder, visium_folder, xenium_folder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import histobridge as hb
from histobridge.images.lazy import LazyPixels, TiffPixels
from histobridge.images.overview import overview
from histobridge.images.pixels import as_rgb
from histobridge.images.slides import Slide
from histobridge.interop.files import read_h5ad, write_h5ad

few = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def section(image, scale=1.0, spots=((4.0, 4.0), (9.0, 6.0))):
    """An object whose only section has this image."""
    points = np.array(spots)
    adata = ad.AnnData(np.ones((len(points), 3)), obsm={"spatial": points})
    factors = {"tissue_hires_scalef": scale, "microns_per_pixel": 1.0}
    adata.uns["spatial"] = {"S": {"images": {"hires": image}, "scalefactors": factors}}
    return adata


def opened(image, scale=1.0):
    return hb.images.open_slide(section(image, scale), "S")


def refused(call, *args, **kwargs):
    """Either a result or one clear refusal; anything else fails the test."""
    try:
        return call(*args, **kwargs)
    except hb.ContractError as error:
        assert str(error).startswith("expected ")
        return None


# --- Files of matrices and tables ---------------------------------------------------


@given(share=st.floats(0, 0.999))
@few
def test_a_truncated_h5ad_is_refused(tmp_path, share):
    path = tmp_path / "a.h5ad"
    write_h5ad(section(np.zeros((12, 14, 3), np.uint8)), str(path))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(hb.ContractError, match="h5ad"):
        read_h5ad(str(path))


@pytest.fixture(scope="module")
def visium(tmp_path_factory):
    """A folder that is whole; tests change one file and put it back."""
    folder = tmp_path_factory.mktemp("visium") / "s"
    visium_folder(folder)
    hb.data.read_visium(folder)
    return folder / "outs"


def changed(path, content, call):
    """What ``call`` returns while ``path`` holds other bytes."""
    whole = path.read_bytes()
    try:
        path.write_bytes(content)
        return call()
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    "name",
    [
        "spatial/tissue_positions.csv",
        "spatial/scalefactors_json.json",
        "spatial/tissue_hires_image.png",
        "filtered_feature_bc_matrix/matrix.mtx.gz",
        "filtered_feature_bc_matrix/features.tsv.gz",
        "filtered_feature_bc_matrix/barcodes.tsv.gz",
    ],
)
@given(data=st.data())
@settings(few, max_examples=8)
def test_a_damaged_file_of_space_ranger_is_refused(visium, name, data):
    path = visium / name
    whole = path.read_bytes()
    cut = whole[: data.draw(st.integers(0, len(whole) // 2))]
    content = data.draw(st.sampled_from([cut, data.draw(st.binary(max_size=200))]))
    found = changed(path, content, lambda: refused(hb.data.read_visium, visium))
    # A picture may lack its lower half and still tell its size; reading tells.
    if found is not None:
        assert name.endswith(".png")
        with pytest.raises(hb.ContractError):
            changed(path, content, lambda: hb.images.open_slide(found, "s"))


@given(
    name=st.sampled_from(
        ["tissue_hires_scalef", "tissue_lowres_scalef", "spot_diameter_fullres"]
    ),
    wrong=st.one_of(
        st.sampled_from([None, "x", [], {}, float("nan"), float("inf"), 0, -1, True]),
        st.floats(0.01, 0.65),
        st.floats(1.3, 1000),
    ),
)
@few
def test_a_wrong_scale_factor_is_refused(visium, name, wrong):
    path = visium / "spatial" / "scalefactors_json.json"
    factors = json.loads(path.read_text())
    is_factor = isinstance(wrong, float) and np.isfinite(wrong)
    factors[name] = factors[name] * wrong if is_factor else wrong
    content = json.dumps(factors).encode()
    with pytest.raises(hb.ContractError):
        changed(path, content, lambda: hb.data.read_visium(visium))


@pytest.mark.parametrize("value", [None, "wide", 0, -0.5, float("nan"), []])
def test_a_scale_factor_in_an_object_must_be_a_positive_number(value):
    adata = section(np.zeros((12, 14, 3), np.uint8), value)
    for draw in (hb.plot_spots, lambda a: hb.images.open_slide(a, "S")):
        with pytest.raises(hb.ContractError, match="tissue_hires_scalef"):
            draw(adata)


def test_swapped_coordinates_are_refused(visium):
    path = visium / "spatial" / "tissue_positions.csv"
    frame = pd.read_csv(path)
    rows, columns = "pxl_row_in_fullres", "pxl_col_in_fullres"
    frame[[rows, columns]] = frame[[columns, rows]].to_numpy()
    frame[rows] += 1500
    with pytest.raises(hb.ContractError, match="order of x and y"):
        changed(
            path,
            frame.to_csv(index=False).encode(),
            lambda: hb.data.read_visium(visium),
        )


@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300)))
@few
def test_any_text_as_counts_or_spots_is_refused(tmp_path, content):
    folder = tmp_path / "st"
    if not folder.exists():
        st_folder(folder)
    content = content if isinstance(content, bytes) else content.encode()
    for name in ("counts.tsv", "spots.tsv"):
        found = changed(
            folder / name, content, lambda: refused(hb.data.read_st, folder)
        )
        assert found is None


def test_a_decimal_comma_is_refused_by_line_and_column(tmp_path):
    st_folder(tmp_path / "st", ";")
    path = tmp_path / "st" / "counts.tsv"
    lines = path.read_text().splitlines()
    cells = lines[3].split(";")
    cells[5] = "1,5"
    lines[3] = ";".join(cells)
    path.write_text("\n".join(lines))
    with pytest.raises(hb.ContractError, match=r"'1,5' in line '7x3', column 'Gene4'"):
        hb.data.read_st(tmp_path / "st")


def test_a_transposed_table_says_so(tmp_path):
    st_folder(tmp_path / "st")
    path = tmp_path / "st" / "counts.tsv"
    pd.read_csv(path, sep="\t", index_col=0).T.to_csv(path, sep="\t")
    with pytest.raises(hb.ContractError, match="transpose"):
        hb.data.read_st(tmp_path / "st")


def test_cells_without_a_line_or_a_centroid_are_refused(tmp_path):
    xenium_folder(tmp_path / "x")
    path = tmp_path / "x" / "cells.csv.gz"
    frame = pd.read_csv(path)
    frame.iloc[1:].to_csv(path, index=False)
    with pytest.raises(hb.ContractError, match="1 without"):
        hb.data.read_cells(tmp_path / "x")
    frame.loc[4, "x_centroid"] = np.nan
    frame.to_csv(path, index=False)
    with pytest.raises(hb.ContractError, match="x_centroid"):
        hb.data.read_cells(tmp_path / "x")


# --- Images -------------------------------------------------------------------------


@given(
    channels=st.integers(0, 6),
    kind=st.sampled_from(["u1", "u2", "i4", "f4", "f8", "?", "i1"]),
    seed=st.integers(0, 99),
)
@settings(few, max_examples=60)
def test_an_array_of_any_kind_is_rgb_or_refused(channels, kind, seed):
    rng = np.random.default_rng(seed)
    bytes_ = rng.integers(0, 256, (7, 9, channels))
    bytes_.reshape(-1)[:1] = 255
    held = {
        "u1": bytes_.astype("u1"),
        "u2": (bytes_ * 257).astype("u2"),
        "i4": bytes_.astype("i4"),
        "f4": (bytes_ / 255).astype("f4"),
        "f8": bytes_ / 255,
        "?": bytes_ > 127,
        "i1": -(bytes_ // 2).astype("i1"),
    }[kind]
    slide = refused(opened, held)
    if channels not in (1, 3, 4) or kind == "i1":
        assert slide is None
        return
    expected = np.where(bytes_ > 127, 255, 0) if kind == "?" else bytes_
    if channels == 4:
        share = expected[..., 3:] / 255
        expected = np.round(expected[..., :3] * share + 255 * (1 - share))
    seen = slide.read(0, 0, 9, 7)
    assert seen.dtype == np.uint8
    np.testing.assert_array_equal(
        seen, np.broadcast_to(expected[..., :3], (7, 9, 3)).astype(int)
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 1e5])
def test_values_that_no_picture_has_are_refused(value):
    image = np.full((7, 9, 3), 0.5)
    image[2, 2, 2] = value
    with pytest.raises(hb.ContractError, match="between 0 and 255"):
        opened(image)


def test_sixteen_bits_are_the_same_picture_in_every_file(tmp_path):
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (20, 30)).astype(np.uint8)
    # The lower byte is not the upper one again, which would hide a byte lost.
    deep = grey.astype(np.uint16) * 256 + rng.integers(0, 256, (20, 30), np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    tifffile.imwrite(tmp_path / "deep.tif", deep)
    colour = np.repeat(deep[..., None], 3, axis=2)
    tifffile.imwrite(tmp_path / "colour.tif", colour, photometric="rgb")
    tifffile.imwrite(
        tmp_path / "planar.tif",
        np.moveaxis(colour, -1, 0),
        photometric="rgb",
        planarconfig="separate",
    )
    for name in ("deep.png", "deep.tif", "colour.tif", "planar.tif"):
        seen = opened(str(tmp_path / name)).read(0, 0, 30, 20)
        np.testing.assert_array_equal(seen[..., 0], grey)
        np.testing.assert_array_equal(seen[..., 2], grey)


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "svs", "bmp"])
@given(data=st.data())
@settings(few, max_examples=10)
def test_a_damaged_image_is_refused(tmp_path, ending, data):
    path = tmp_path / f"a.{ending}"
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    kind = {"jpg": "jpeg", "tif": "tiff", "svs": "png"}.get(ending, ending)
    Image.fromarray(image).save(buffer, kind)
    whole = buffer.getvalue()
    cut = whole[: data.draw(st.integers(0, int(len(whole) * 0.9)))]
    path.write_bytes(
        data.draw(st.sampled_from([cut, data.draw(st.binary(max_size=64))]))
    )
    with pytest.raises(hb.ContractError):
        opened(str(path))


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "bmp"])
def test_an_image_of_30000_pixels_is_read_to_its_last_corner(tmp_path, ending):
    image = np.full((40, 30_000, 3), 240, np.uint8)
    image[24:, 29_984:] = (200, 30, 60)
    path = tmp_path / f"a.{ending}"
    Image.fromarray(image).save(path)
    adata = section(str(path), spots=[(29_992.0, 32.0), (8.0, 8.0)])
    slide = hb.images.open_slide(adata, "S")
    assert (slide.width, slide.height) == (30_000, 40)
    # Not the edge, over which a JPEG spreads its colours.
    corner = slide.read(29_988, 28, 12, 12).astype(int)
    assert np.abs(corner - (200, 30, 60)).max() < 8
    assert np.abs(slide.read(29_960, 8, 16, 16).astype(int) - 240).max() < 8
    small, side = overview(slide, 500)
    assert max(small.shape) <= 500
    assert side * small.shape[1] >= 30_000
    hb.add_morphology(adata, "colour", cache=False, progress=False)


def header_of_png(path, side):
    """A PNG that says how large it is and has no pixels."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, body in ((b"IHDR", head), (b"IDAT", b"")):
            check = struct.pack(">I", zlib.crc32(kind + body))
            file.write(struct.pack(">I", len(body)) + kind + body + check)


@pytest.mark.parametrize(("side", "free"), [(30_000, 4 * 2**30), (40_000, None)])
def test_a_picture_that_memory_cannot_hold_is_refused(
    tmp_path, monkeypatch, side, free
):
    path = tmp_path / "a.png"
    header_of_png(path, side)
    monkeypatch.setattr("histobridge.images.slides.free_memory", lambda: free)
    with pytest.raises(hb.ContractError, match=f"memory; found {side} x {side}.*tiled"):
        opened(str(path))


def test_transparent_colours_of_a_palette_are_background(tmp_path, monkeypatch):
    monkeypatch.setattr("histobridge.images.slides._BAND", 7)
    places = np.arange(600, dtype=np.uint8).reshape(30, 20) % 5
    picture = Image.fromarray(places, mode="P")
    picture.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 1, 2, 3])
    picture.save(tmp_path / "a.png", transparency=3)
    seen = opened(str(tmp_path / "a.png")).read(0, 0, 20, 30)
    assert (seen[places == 3] == 255).all()
    assert (seen[places == 1] == (40, 50, 60)).all()


def test_a_picture_read_by_bands_is_the_whole_one(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    monkeypatch.setattr("histobridge.images.slides._BAND", 7)
    for mode in ("RGB", "L", "RGBA", "LA", "P", "1"):
        image = Image.fromarray(rng.integers(0, 256, (30, 20, 3)).astype(np.uint8))
        path = tmp_path / f"{mode}.png"
        image.convert(mode).save(path)
        with Image.open(path) as whole:
            clear = "A" in whole.getbands()
            expected = np.asarray(whole.convert("RGBA" if clear else "RGB"))
        seen = opened(str(path)).read(0, 0, 20, 30)
        np.testing.assert_array_equal(seen, expected[..., :3])


# --- Slides that are larger than memory ---------------------------------------------

TILE = 1024
SIDE = 100_000


def giant(path, pyramid=True, side=SIDE, planted=(61, 37)):
    """A sparse TIFF: one red tile, one grey level of 1/64; the rest is missing."""
    across = -(-side // TILE)
    red = np.full((TILE, TILE, 3), (200, 20, 20), np.uint8)

    def tiles():
        for i in range(across):
            for j in range(across):
                # tifffile learns the type from the first tile.
                yield red if (j, i) in (planted, (0, 0)) else None

    options = {"tile": (TILE, TILE), "photometric": "rgb", "compression": "zlib"}
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        file.write(
            tiles(),
            shape=(side, side, 3),
            dtype=np.uint8,
            subifds=1 if pyramid else 0,
            **options,
        )
        if pyramid:
            small = np.full((side // 64, side // 64, 3), 128, np.uint8)
            file.write(small, subfiletype=1, **options)
    return planted


def test_a_slide_of_100000_pixels_is_read_by_tiles(tmp_path):
    path = tmp_path / "giant.tif"
    x, y = giant(path)
    centre = ((x + 0.5) * TILE, (y + 0.5) * TILE)
    adata = section(str(path), spots=[centre, (centre[0] + 3000, centre[1])])
    tracemalloc.start()
    slide = hb.images.open_slide(adata, "S")
    assert (slide.width, slide.height) == (SIDE, SIDE)
    corner = slide.read(x * TILE - 10, y * TILE - 10, 20, 20)
    small, side = overview(slide, 500)
    hb.add_morphology(adata, "colour", cache=False, progress=False)
    hb.plot_spots(adata)
    slide.digest()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (corner[10:, 10:] == (200, 20, 20)).all()
    assert (corner[:10] == 255).all()
    assert (corner[:, :10] == 255).all()
    assert max(small.shape) <= 500
    assert side * small.shape[1] >= SIDE
    assert (small[100:200, 100:200] == 128).all()
    assert peak < 250 * 2**20


def test_a_large_slide_without_levels_has_the_same_overview(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (700, 900, 3)).astype(np.uint8)
    path = tmp_path / "tiled.tif"
    tifffile.imwrite(path, image, tile=(128, 64), photometric="rgb", compression="zlib")
    whole = opened(str(path))
    monkeypatch.setattr("histobridge.images.slides.LAZY_PIXELS", 1000)
    lazy = opened(str(path))
    assert isinstance(lazy._pixels, LazyPixels)
    np.testing.assert_array_equal(overview(lazy, 100)[0], overview(whole, 100)[0])
    np.testing.assert_array_equal(lazy.thumbnail(90), whole.thumbnail(90))
    for box in ((0, 0, 900, 700), (60, 120, 9, 17), (-5, 690, 30, 30)):
        np.testing.assert_array_equal(lazy.read(*box), whole.read(*box))


@pytest.mark.parametrize("kind", ["grey", "deep", "alpha", "strips", "jpeg"])
def test_tiles_of_every_kind_are_what_the_whole_image_is(tmp_path, monkeypatch, kind):
    rng = np.random.default_rng(1)
    channels = {"grey": 1, "alpha": 4}.get(kind, 3)
    image = rng.integers(0, 256, (300, 260, channels)).astype(np.uint8)
    options = {"tile": (64, 64), "photometric": "rgb"}
    if kind == "grey":
        image, options["photometric"] = image[..., 0], "minisblack"
    if kind == "deep":
        image = image.astype(np.uint16) * 257
    if kind == "alpha":
        options["extrasamples"] = ["unassalpha"]
    if kind == "strips":
        options = {"rowsperstrip": 50, "photometric": "rgb"}
    if kind == "jpeg":
        pytest.importorskip("imagecodecs")
        options["compression"] = "jpeg"
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, image, **options)
    whole = opened(str(path)).read(0, 0, 260, 300)
    np.testing.assert_array_equal(TiffPixels(path)[:, :], whole)
    monkeypatch.setattr("histobridge.images.slides.LAZY_PIXELS", 10)
    np.testing.assert_array_equal(opened(str(path)).read(0, 0, 260, 300), whole)


def test_a_missing_tile_is_background_and_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    giant(path, pyramid=False, side=3 * TILE, planted=(1, 1))
    pixels = TiffPixels(path)
    assert (pixels.region(0, TILE, TILE, TILE) == 255).all()
    assert (pixels.region(TILE, TILE, TILE, TILE) == (200, 20, 20)).all()
    content = bytearray(path.read_bytes())
    start = pixels._offsets[4]
    content[start + 4 : start + 40] = bytes(36)
    path.write_bytes(content)
    with pytest.raises(hb.ContractError, match="tile 4 is damaged"):
        Slide(TiffPixels(path), 1.0, 1.0).read(TILE, TILE, 5, 5)


def test_a_giant_picture_without_tiles_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    with pytest.raises(hb.ContractError, match="tiled"):
        _one_strip(path)


def _one_strip(path):
    # The header of a TIFF in one strip; its pixels are never asked for.
    tifffile.imwrite(
        path, np.zeros((8, 8, 3), np.uint8), photometric="rgb", metadata=None
    )
    with tifffile.TiffFile(path, mode="r+b") as file:
        tags = file.pages[0].tags
        tags["ImageWidth"].overwrite(40_000)
        tags["ImageLength"].overwrite(40_000)
        tags["RowsPerStrip"].overwrite(40_000)
    opened(str(path))


# --- Archives -----------------------------------------------------------------------


def tar_of(path, members):
    with tarfile.open(path, "w:gz") as file:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
                file.addfile(entry)
            else:
                entry.size = len(content)
                file.addfile(entry, io.BytesIO(content))


def zip_of(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members:
            entry = zipfile.ZipInfo(name)
            if content is None:
                entry.external_attr = 0o120777 << 16
            file.writestr(entry, b"/etc/passwd" if content is None else content)


@pytest.mark.parametrize("write", [tar_of, zip_of])
@pytest.mark.parametrize(
    "member",
    [("../out", b"x"), ("/tmp/out", b"x"), ("a/../../out", b"x"), ("link", None)],
)
def test_archives_that_lead_outside_are_refused_as_a_whole(tmp_path, write, member):
    archive, inner = tmp_path / "archive", tmp_path / "a" / "inner"
    write(archive, [("fine", b"ok"), member])
    with pytest.raises(hb.ContractError):
        hb.data.unpack_archive(archive, inner)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["archive"]


@pytest.mark.parametrize("write", [tar_of, zip_of])
def test_an_archive_is_unpacked(tmp_path, write):
    write(tmp_path / "archive", [("spatial/a.csv", b"1"), ("b.csv", b"2")])
    folder = hb.data.unpack_archive(tmp_path / "archive", tmp_path / "to")
    assert folder == str(tmp_path / "to")
    assert (tmp_path / "to" / "spatial" / "a.csv").read_bytes() == b"1"


@given(content=st.binary(max_size=400))
@few
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(hb.ContractError, match=r"tar or zip|archive"):
        hb.data.unpack_archive(tmp_path / "a", tmp_path / "to")


def test_rgb_is_not_copied():
    image = np.zeros((5, 5, 3), np.uint8)
    assert np.shares_memory(as_rgb(image, "a"), image)
