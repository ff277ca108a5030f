"""Nuclei: counted in the image, and of use where expression is silent."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.deconvolution.priors import Cells, nuclei_per_spot
from histobridge.images.threshold import otsu


@pytest.fixture(scope="module")
def painted():
    return hb.data.simulate_tissue(2, spots_per_side=6, microns_per_pixel=2, seed=1)


def test_planted_nuclei_are_counted(painted):
    adata = painted.copy()
    side = 200 * 2 / np.sqrt(np.pi)  # a disc as large as a tile
    hb.count_nuclei(adata, diameter_microns=side)
    found, planted = adata.obs["n_nuclei"], adata.obs["n_cells"]
    assert np.corrcoef(found, planted)[0, 1] > 0.9
    assert 0.85 < found.sum() / planted.sum() < 1.15


def test_half_the_diameter_has_a_quarter_of_the_nuclei(painted):
    adata = painted.copy()
    hb.count_nuclei(adata)  # spots of 100 um
    hb.count_nuclei(adata, diameter_microns=200, key_added="wide")
    ratio = adata.obs["wide"].sum() / adata.obs["n_nuclei"].sum()
    assert 3.5 < ratio < 4.5


def test_an_empty_slide_has_no_nuclei_and_a_coarse_one_is_refused(painted):
    adata = painted.copy()
    for section in ("S1", "S2"):
        images = adata.uns["spatial"][section]["images"]
        images["hires"] = np.full_like(images["hires"], 240)
    hb.count_nuclei(adata)
    assert (adata.obs["n_nuclei"] == 0).all()
    with pytest.raises(ContractError, match="3 microns per pixel"):
        hb.count_nuclei(adata, microns_per_pixel=4.0)


def test_the_threshold_parts_two_classes():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 0.1, 500), rng.normal(1, 0.1, 100)])
    assert 0.3 < otsu(values) < 0.8


def test_shuffled_nuclei_stay_in_their_section(painted):
    adata = painted.copy()
    adata.obs["cells"] = np.where(adata.obs["sample_id"] == "S1", 5, 50)
    adata.obs["cells"] += np.arange(adata.n_obs) % 5
    plain = nuclei_per_spot(adata, "cells")
    mixed = nuclei_per_spot(adata, "cells", shuffled=True)
    assert (plain != mixed).any()
    assert ((plain < 20) == (mixed < 20)).all()


def test_few_counts_per_nucleus_speak_for_small_cells():
    cells = Cells(np.array([10.0, 10.0]), np.array([0.5, 1.5]))
    rates = cells.rates(np.array([500.0, 1500.0]), np.full((2, 2), 0.5))
    np.testing.assert_allclose(rates[1], 3 * rates[0])
    np.testing.assert_allclose(rates[:, 0], 3 * rates[:, 1])


@pytest.fixture
def alike():
    """Types ``large`` and ``small`` of one profile; only nuclei tell them apart."""
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.full(60, 0.5), 2).T
    names = [f"gene{i}" for i in range(60)]
    kind = np.repeat(["large", "other", "small"], 60)
    mean = {"large": (3000, 0), "small": (600, 0), "other": (1800, 1)}
    cells = np.stack(
        [rng.poisson(mean[k][0] * profiles[:, mean[k][1]]) for k in kind]
    ).astype(float)
    reference = hb.data.simulate_reference(36, n_genes=60, n_types=5)
    reference = reference[: len(kind)].copy()
    reference.X, reference.var_names = sp.csr_matrix(cells), names
    reference.obs["cell_type"] = pd.Categorical(kind)
    spots = hb.data.simulate_tissue(
        1, spots_per_side=10, n_genes=60, microns_per_pixel=20
    )
    number = rng.integers(10, 40, spots.n_obs)
    truth = rng.dirichlet([1, 1, 1], spots.n_obs)
    counted = truth * number[:, None]
    amounts = counted * [3000, 1800, 600] / 10
    spots.X = sp.csr_matrix(
        rng.poisson(amounts @ profiles[:, [0, 1, 0]].T), dtype=float
    )
    spots.var_names = names
    spots.obs["counted"] = number
    spots.obsm["true_proportions"] = pd.DataFrame(
        truth, index=spots.obs_names, columns=["large", "other", "small"]
    )
    return spots, reference


def test_nuclei_tell_large_cells_from_small_ones_and_shuffled_ones_do_not(alike):
    spots, reference = alike
    truth = spots.obsm["true_proportions"]
    error = {}
    for image in ("use", "ignore", "shuffle"):
        hb.deconvolve(
            spots,
            reference,
            graph="tissue",
            strengths=(30.0,),
            nuclei="counted",
            image=image,
            max_iter=1000,
        )
        found = spots.obsm["proportions"]
        np.testing.assert_allclose(found.sum(axis=1), 1.0)
        error[image] = np.sqrt(((found - truth) ** 2).mean(axis=None))
        assert ("proportions_abundance" in spots.obsm) == (image != "ignore")
        spots.obsm.pop("proportions_abundance", None)
    assert error["use"] < 0.8 * error["ignore"], error
    assert error["use"] < 0.8 * error["shuffle"], error


def test_nuclei_make_abundances(tissue, reference):
    tissue.obs["n_nuclei"] = np.arange(tissue.n_obs) % 7
    hb.deconvolve(tissue, reference, graph="none", nuclei="n_nuclei")
    found = tissue.obsm["proportions_abundance"]
    np.testing.assert_allclose(found.sum(axis=1), tissue.obs["n_nuclei"])
    tissue.obs["n_nuclei"] = -1
    with pytest.raises(ContractError, match="nuclei"):
        hb.deconvolve(tissue, reference, graph="none", nuclei="n_nuclei")


def test_nuclei_are_counted_where_they_are_asked_of_the_image(painted):
    reference = hb.data.simulate_reference(20, seed=1)
    columns = list(painted.obs)
    hb.deconvolve(painted, reference, graph="tissue", nuclei="image", level=0.9)
    adata = painted.copy()
    hb.count_nuclei(adata)
    found = painted.obsm["proportions_abundance"].sum(axis=1)
    np.testing.assert_allclose(found, adata.obs["n_nuclei"])
    assert "n_nuclei" not in painted.obs
    assert set(columns) <= set(painted.obs)
