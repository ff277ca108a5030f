"""Folders and objects of other people: load, one verb, one plot."""

import os
from pathlib import Path

import numpy as np
import pytest
from folders import (
    GENES,
    HIRES,
    MICRONS,
    cosmx_folder,
    st_folder,
    visium_folder,
    xenium_folder,
)
from sklearn.metrics import adjusted_rand_score
from test_plots import drawn_at

import histobridge as hb

RAW = Path(os.environ.get("HISTOBRIDGE_DATA", "/nowhere")) / "visium_small" / "raw"
needs_data = pytest.mark.skipif(
    not RAW.is_dir(), reason="HISTOBRIDGE_DATA has no visium_small"
)


def finds_halves(adata, left, least=0.9):
    """Domains are the planted halves; then they are drawn."""
    hb.find_domains(adata, k=2, system="cellcharter")
    assert adjusted_rand_score(adata.obs["domain"], left) > least
    return hb.plot_domains(adata)


def dots_under_spots(adata):
    """The image is black where its spots are drawn."""
    figure = hb.plot_spots(adata)
    figure.set_dpi(250)
    seen = drawn_at(figure, figure.axes[0], adata.obsm["spatial"])
    assert np.median(seen) < 60
    assert (seen < 160).mean() > 0.95


@pytest.mark.parametrize(("header", "matrix"), [(True, "mtx"), (False, "h5")])
def test_a_space_ranger_folder(tmp_path, header, matrix):
    left = visium_folder(tmp_path / "slideA", header, matrix)
    adata = hb.data.read_visium(tmp_path / "slideA")
    assert adata.shape == (len(left), GENES)
    assert list(adata.uns["spatial"]) == ["slideA"]
    assert hb.contract.microns_per_pixel(adata, "slideA") == pytest.approx(
        MICRONS, rel=1e-3
    )
    assert adata.var_names[:3].tolist() == ["Gene0_ENS00000", "Gene0_ENS00001", "Gene2"]
    assert adata.obs["sample_id"].unique().tolist() == ["slideA"]
    finds_halves(adata, left)
    dots_under_spots(adata)
    hb.add_morphology(adata, "colour", cache=False, progress=False)


@pytest.mark.filterwarnings("ignore")
def test_what_squidpy_reads(tmp_path):
    squidpy = pytest.importorskip("squidpy")
    left = visium_folder(tmp_path / "s", header=False, matrix="h5")
    adata = squidpy.read.visium(tmp_path / "s" / "outs", library_id="lib")
    adata.var_names_make_unique()
    finds_halves(adata, left)
    dots_under_spots(adata)


@pytest.mark.filterwarnings("ignore")
def test_what_scanpy_reads(tmp_path):
    scanpy = pytest.importorskip("scanpy")
    left = visium_folder(tmp_path / "s", header=False, matrix="h5")
    adata = scanpy.read_visium(tmp_path / "s" / "outs", library_id="lib")
    adata.var_names_make_unique()
    finds_halves(adata, left)
    dots_under_spots(adata)


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_a_folder_of_spatial_transcriptomics(tmp_path, separator):
    left = st_folder(tmp_path / "st", separator)
    adata = hb.data.read_st(tmp_path / "st")
    assert adata.shape == (144, GENES)
    # 200 microns are 40 pixels.
    assert hb.contract.microns_per_pixel(adata, "st") == pytest.approx(5)
    finds_halves(adata, left)
    dots_under_spots(adata)


def test_without_a_table_of_spots_a_pixel_is_one_step(tmp_path):
    left = st_folder(tmp_path / "st")
    (tmp_path / "st" / "spots.tsv").unlink()
    adata = hb.data.read_st(tmp_path / "st")
    assert hb.contract.microns_per_pixel(adata, "st") == 200
    assert adata.uns["spatial"]["st"]["images"] == {}
    finds_halves(adata, left)


@pytest.mark.parametrize(
    ("write", "microns", "n"), [(xenium_folder, 1, 300), (cosmx_folder, 0.12028, 240)]
)
def test_cells_without_spots(tmp_path, write, microns, n):
    left = write(tmp_path / "cells")
    adata = hb.data.read_cells(tmp_path / "cells")
    assert adata.shape == (n, GENES)
    assert hb.contract.microns_per_pixel(adata, "cells") == microns
    figure = finds_halves(adata, left)
    assert figure.axes[0].get_title() == "cells: domain"
    hb.view_section(adata, tmp_path / "page.html", genes=3)


@needs_data
@pytest.mark.parametrize(
    "folder",
    [
        "SpatialExperiment_10xVisium/section1",
        "SpatialExperiment_10xVisium/section2",
        "scanpy_visium_1.0.0",
    ],
)
def test_space_ranger_folders_of_others(folder):
    adata = hb.data.read_visium(RAW / folder)
    section = next(iter(adata.uns["spatial"]))
    assert hb.contract.microns_per_pixel(adata, section) == pytest.approx(0.725, 1e-2)
    hb.add_morphology(adata, "colour", cache=False, progress=False)
    hb.plot_spots(adata, adata.var_names[0])


@needs_data
def test_a_text_folder_of_others():
    adata = hb.data.read_st(RAW / "xfuse_st")
    assert adata.shape == (282, 10)
    # The lattice of this array says 6.9 microns; the image is 929 pixels wide.
    assert 6 < hb.contract.microns_per_pixel(adata, "xfuse_st") < 8
    hb.add_morphology(adata, "colour", cache=False, progress=False)
    hb.plot_spots(adata, "Calm1")


def test_the_hires_scale_places_spots_in_the_image(tmp_path):
    visium_folder(tmp_path / "s")
    adata = hb.data.read_visium(tmp_path / "s")
    slide = hb.images.open_slide(adata, "s")
    assert slide.pixel_scale == HIRES
    points = np.round(adata.obsm["spatial"] * HIRES).astype(int)
    seen = [slide.read(x - 1, y - 1, 2, 2).max() for x, y in points]
    assert max(seen) == 0
