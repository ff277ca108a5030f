"""Pseudo-spots: nothing is lost, nothing is counted twice, the truth is exact."""

import os

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.data.pseudo import lattice_centres, membership


@pytest.fixture
def cells():
    """300 cells of 5 types in a box of 600 x 400 um, 0.5 um per pixel."""
    adata = hb.data.simulate_reference(60, n_genes=30)
    rng = np.random.default_rng(0)
    adata.obsm["spatial"] = rng.uniform(0, [1200, 800], (adata.n_obs, 2))
    adata.uns["spatial"] = {
        "sample01": {"scalefactors": {"microns_per_pixel": 0.5}, "images": {}}
    }
    return adata


def test_counts_and_proportions_are_those_of_the_cells_of_a_spot(cells, untouched):
    with untouched(cells):
        spots, spot_of = hb.data.pseudo_spots(cells)
    assert list(spot_of.index) == list(cells.obs_names)
    for name in spots.obs_names[::5]:
        mine = (spot_of == name).to_numpy()
        np.testing.assert_array_equal(
            spots[name].X.toarray()[0], cells.X[mine].toarray().sum(axis=0)
        )
        share = cells.obs["cell_type"][mine].value_counts(normalize=True)
        truth = spots.obsm["true_proportions"].loc[name]
        np.testing.assert_allclose(truth[share.index], share)
        assert spots.obs.loc[name, "n_cells"] == mine.sum()


def test_a_cell_belongs_to_a_spot_exactly_when_it_lies_inside(cells):
    spots, spot_of = hb.data.pseudo_spots(cells, pitch_microns=100, diameter_microns=55)
    apart = (
        np.linalg.norm(cells.obsm["spatial"][:, None] - spots.obsm["spatial"], axis=2)
        * 0.5
    )
    inside = apart.min(axis=1) <= 27.5
    np.testing.assert_array_equal(inside, spot_of.notna())
    nearest = spots.obs_names[apart.argmin(axis=1)]
    assert (nearest[inside] == spot_of[inside]).all()
    # Discs of 55 um at a pitch of 100 um cover 27 % of the plane.
    assert 0.15 < inside.mean() < 0.4


@pytest.mark.parametrize("lattice", ["hexagonal", "square"])
def test_without_a_diameter_no_cell_is_left_over(cells, lattice):
    cells.uns["spatial"]["sample01"]["scalefactors"]["spot_diameter_fullres"] = 20.0
    spots, spot_of = hb.data.pseudo_spots(
        cells, pitch_microns=80, diameter_microns=None, lattice=lattice
    )
    assert spot_of.notna().all()
    assert spots.X.sum() == cells.X.sum()
    # Not the diameter of the cells: the spots are as wide as their pitch.
    factors = spots.uns["spatial"]["sample01"]["scalefactors"]
    assert factors["spot_diameter_fullres"] == pytest.approx(80 / 0.5)
    assert hb.graphs.pitch(hb.graphs.positions_microns(spots)) == pytest.approx(80)


def test_centres_are_a_lattice():
    for lattice, nearest in (("hexagonal", 6), ("square", 4)):
        grid = lattice_centres(np.zeros(2), np.full(2, 1000.0), 100, lattice)
        middle = grid[np.linalg.norm(grid - 500, axis=1).argmin()]
        ring = np.isclose(np.linalg.norm(grid - middle, axis=1), 100)
        assert ring.sum() == nearest


def test_sections_are_binned_apart_and_keep_their_image(cells):
    cells.obs["sample_id"] = np.where(np.arange(300) % 2, "b", "a")
    library = cells.uns["spatial"].pop("sample01")
    cells.uns["spatial"] = {
        "a": library | {"images": {"hires": "a.tif"}},
        "b": library | {"scalefactors": {"microns_per_pixel": 1.0}},
    }
    spots, spot_of = hb.data.pseudo_spots(cells)
    of_cell = spots.obs["sample_id"].reindex(spot_of.dropna()).to_numpy()
    assert (of_cell == cells.obs["sample_id"][spot_of.notna()]).all()
    assert spots.uns["spatial"]["a"]["images"] == {"hires": "a.tif"}
    factors = spots.uns["spatial"]["b"]["scalefactors"]
    assert factors["spot_diameter_fullres"] == 55


def test_cells_without_label_add_counts_but_no_proportion(cells):
    cells.obs["cell_type"] = cells.obs["cell_type"].astype(object)
    cells.obs.iloc[::2, 0] = None
    spots, spot_of = hb.data.pseudo_spots(cells, diameter_microns=None)
    truth = spots.obsm["true_proportions"]
    assert spots.X.sum() == cells.X.sum()
    assert list(truth) == [f"type{i}" for i in range(1, 6)]
    labelled = membership(spot_of, spots.obs_names)[:, 1::2].sum(axis=1)
    np.testing.assert_array_equal(truth.notna().all(axis=1), labelled.A1 > 0)


def test_a_type_may_be_called_none(cells):
    """What is missing is not of the type that is named like it."""
    plain, _ = hb.data.pseudo_spots(cells, diameter_microns=None)
    cells.obs["cell_type"] = cells.obs["cell_type"].astype(object)
    cells.obs.iloc[::2, 0] = None
    unnamed, _ = hb.data.pseudo_spots(cells, diameter_microns=None)
    cells.obs["cell_type"] = cells.obs["cell_type"].replace("type1", "None")
    named, _ = hb.data.pseudo_spots(cells, diameter_microns=None)
    found = named.obsm["true_proportions"].rename(columns={"None": "type1"})
    pd.testing.assert_frame_equal(
        found[list(plain.obsm["true_proportions"])], unnamed.obsm["true_proportions"]
    )


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"lattice": "round"}, "hexagonal"),
        ({"diameter_microns": 101.0}, "at most the pitch"),
        ({"labels": "kind"}, "cell_type"),
        ({"pitch_microns": -1.0}, "positive pitch"),
    ],
)
def test_what_cannot_be_is_refused(cells, wrong, message):
    with pytest.raises(ContractError, match=message):
        hb.data.pseudo_spots(cells, **wrong)


PUBLIC = {
    "xenium_breast/xenium_breast": 600,
    "merfish_poa/merfish_poa": 100,
    "starmap/two_replicates_cells": 770,
    "osmfish/osmfish_all": 920,
}


@pytest.mark.parametrize("path", PUBLIC)
def test_public_cells_give_spots_whose_inside_is_known(path):
    folder = os.environ.get("HISTOBRIDGE_DATA")
    if not folder:
        pytest.skip("HISTOBRIDGE_DATA names no folder of public data sets")
    cells = ad.read_h5ad(f"{folder}/{path}.h5ad")
    cells.var_names_make_unique()
    spots, spot_of = hb.data.pseudo_spots(
        cells,
        pitch_microns=PUBLIC[path],
        diameter_microns=0.55 * PUBLIC[path],
        labels="cell_type" if "cell_type" in cells.obs else "celltype",
        microns_per_pixel=1.0,
    )
    assert spots.n_obs > 50
    sums = membership(spot_of, spots.obs_names) @ cells.X
    np.testing.assert_allclose(spots.X.toarray(), sums.toarray(), rtol=1e-5)
    held = spot_of.notna().to_numpy()
    own = spots.obs_names.get_indexer(spot_of[held])
    away = np.linalg.norm(
        cells.obsm["spatial"][held][:, :2] - spots.obsm["spatial"][own], axis=1
    )
    assert away.max() <= 0.275 * PUBLIC[path] + 1e-6
    truth = spots.obsm["true_proportions"].dropna()
    np.testing.assert_allclose(truth.sum(axis=1), 1)
