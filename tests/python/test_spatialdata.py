"""SpatialData stores come in with their coordinates in the frame of the image."""

import builtins
from unittest import mock

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge import contract
from histobridge.contract import ContractError

spatialdata = pytest.importorskip("spatialdata")


def _shapes(points, radius, affine):
    from spatialdata.models import ShapesModel
    from spatialdata.transformations import Affine

    index = [f"i{k}" for k in range(len(points))]
    shapes = ShapesModel.parse(points, geometry=0, radius=radius, index=index)
    _place(shapes, Affine(affine, ("x", "y"), ("x", "y")))
    return shapes


def _place(element, transformation, system="global"):
    from spatialdata.transformations import set_transformation

    set_transformation(element, {system: transformation}, set_all=True)


def _image(pixels, transformation, **settings):
    from spatialdata.models import Image2DModel

    image = Image2DModel.parse(
        pixels, dims=("y", "x", "c"), c_coords=["r", "g", "b"], **settings
    )
    _place(image, transformation)
    return image


def _write(sdata, path):
    """Write a store; spatialdata 0.7 hands ome-zarr 0.18 chunks in dask's form."""
    from spatialdata._io import io_raster

    original = io_raster.write_image_ngff

    def write_image(**settings):
        chunks = tuple(sizes[0] for sizes in settings["image"].chunks)
        original(**{**settings, "storage_options": {"chunks": chunks}})

    with mock.patch.object(io_raster, "write_image_ngff", write_image):
        sdata.write(path)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two regions of four spots: each marks its spots as bright image pixels."""
    from spatialdata.models import TableModel
    from spatialdata.transformations import Identity, Scale

    rng = np.random.default_rng(0)
    where = {name: rng.permutation(20)[:8].reshape(4, 2) * 4 + 2 for name in "AB"}
    elements = {}
    for name, spots in where.items():
        pixels = rng.integers(0, 99, (80, 100, 3), dtype=np.uint8)
        for x, y in spots:
            pixels[y : y + 2, x : x + 2] = 255
        # A lies in microns, two to a pixel and shifted; B in pixels.
        um = np.array([[2.0, 0, 30], [0, 2.0, -10], [0, 0, 1]])
        affine = um if name == "A" else np.eye(3)
        whole = Scale([1.0, 1.0], ("x", "y"))
        half = Scale([2.0, 2.0], ("x", "y"))
        placed = (spots + 1.0) if name == "B" else (spots + 1.0 - [30, -10]) / 2
        elements[f"spots_{name}"] = _shapes(placed, 3.0, affine)
        if name == "A":
            elements["full_A"] = _image(pixels, whole)
            elements["small_A"] = _image(pixels[::2, ::2], half)
        else:
            elements["full_B"] = _image(pixels, Identity())
    for name in ("spots_B", "full_B"):
        _place(elements[name], Identity(), "B")
    obs = pd.DataFrame(
        {
            "region": pd.Categorical(["spots_A"] * 4 + ["spots_B"] * 4),
            "instance": ["i2", "i0", "i3", "i1", "i0", "i1", "i2", "i3"],
        },
        index=[f"spot{k}" for k in range(8)],
    )
    counts = sp.csr_matrix(rng.poisson(2, (8, 5)).astype(np.float32))
    table = TableModel.parse(
        ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=list("abcde"))),
        region=["spots_A", "spots_B"],
        region_key="region",
        instance_key="instance",
    )
    path = tmp_path_factory.mktemp("store") / "two.zarr"
    elements["table"] = table
    _write(spatialdata.SpatialData.init_from_elements(elements), path)
    order = {"A": where["A"][[2, 0, 3, 1]], "B": where["B"]}
    return path, order, counts


def test_spots_lie_on_their_pixels_in_every_image(store):
    path, where, counts = store
    adata = hb.data.read_spatialdata(path, microns_per_pixel=2)
    assert list(contract.sections(adata)) == ["spots_A", "spots_B"]
    assert (contract.counts(adata) != counts).nnz == 0
    expected = np.vstack([where["A"], where["B"]]) + 1.0
    np.testing.assert_allclose(contract.coordinates(adata), expected)
    assert contract.microns_per_pixel(adata, "spots_A") == 2
    for region, library in adata.uns["spatial"].items():
        points = contract.coordinates(adata)[adata.obs["sample_id"] == region]
        for name, image in library["images"].items():
            scale = library["scalefactors"][f"tissue_{name}_scalef"]
            x, y = np.floor(points * scale - 1e-9).astype(int).T
            assert image.shape[2] == 3
            assert (image[y, x] == 255).all(), name
    assert set(adata.uns["spatial"]["spots_A"]["images"]) == {"full_A", "small_A"}
    assert set(adata.uns["spatial"]["spots_B"]["images"]) == {"full_B"}
    factors = adata.uns["spatial"]["spots_A"]["scalefactors"]
    assert factors["tissue_small_A_scalef"] == 0.5
    assert factors["spot_diameter_fullres"] == pytest.approx(12)


def test_a_coarser_scale_is_loaded_where_the_image_is_too_large(store):
    from spatialdata.transformations import Identity

    sdata = spatialdata.read_zarr(store[0])
    before = hb.data.read_spatialdata(sdata).uns["spatial"]["spots_A"]
    pixels = before["images"]["full_A"]
    sdata["full_A"] = _image(pixels, Identity(), scale_factors=[2])
    adata = hb.data.read_spatialdata(sdata, max_pixels=60)
    library = adata.uns["spatial"]["spots_A"]
    assert library["images"]["full_A"].shape == (40, 50, 3)
    assert library["scalefactors"]["tissue_full_A_scalef"] == 0.5
    whole = hb.data.read_spatialdata(sdata).uns["spatial"]["spots_A"]
    np.testing.assert_array_equal(whole["images"]["full_A"], pixels)


def test_images_can_be_chosen(store):
    path, where, _ = store
    adata = hb.data.read_spatialdata(path, images={"spots_A": ["small_A"]})
    assert set(adata.uns["spatial"]["spots_A"]["images"]) == {"small_A"}
    points = contract.coordinates(adata)[:4]
    np.testing.assert_allclose(points, (where["A"] + 1) / 2)
    with pytest.raises(ContractError, match=r"elements of the store.*\['none'\]"):
        hb.data.read_spatialdata(path, images={"spots_A": ["none"]})


def test_what_comes_in_goes_through_a_verb_and_a_file(store, tmp_path):
    import scanpy

    adata = hb.data.read_spatialdata(store[0], microns_per_pixel=2)
    hb.images.add_morphology(
        adata, "colour", patch_microns=8, cache=False, progress=False
    )
    assert adata.obsm["morphology"].shape[0] == 8
    adata.write_h5ad(tmp_path / "a.h5ad")
    again = scanpy.read_h5ad(tmp_path / "a.h5ad")
    np.testing.assert_array_equal(again.obsm["spatial"], adata.obsm["spatial"])


def test_errors_name_what_is_there(store, tmp_path, monkeypatch):
    path, _, _ = store
    with pytest.raises(ContractError, match="available: table"):
        hb.data.read_spatialdata(path, table="other")
    with pytest.raises(ContractError, match="no folder"):
        hb.data.read_spatialdata(tmp_path / "none.zarr")
    real = builtins.__import__

    def without(name, *rest, **named):
        if name == "spatialdata":
            raise ImportError(name=name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ContractError, match=r"histobridge\[spatialdata\]"):
        hb.data.read_spatialdata(path)


def test_an_image_that_is_turned_is_refused(store):
    from spatialdata.transformations import Affine

    sdata = spatialdata.read_zarr(store[0])
    turn = Affine([[0, -2.0, 0], [2.0, 0, 0], [0, 0, 1]], ("x", "y"), ("x", "y"))
    _place(sdata["small_A"], turn)
    with pytest.raises(ContractError, match=r"'small_A' that differs .* in scale"):
        hb.data.read_spatialdata(sdata)
