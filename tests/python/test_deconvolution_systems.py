"""Every registered deconvolution system on one small planted mixture."""

import functools

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.data.simulate_counts import type_profiles
from histobridge.evaluation import metrics

FAST = {
    "stereoscope": {"epochs": 250, "cell_epochs": 15},
    "cell2location": {"epochs": 300, "groups": 5},
    "destvi": {"epochs": 30, "cell_epochs": 5, "hidden": 16},
    "starfysh": {"epochs": 30, "hidden": 16},
    "tangram": {"epochs": 150},
    "rctd": {"sigma": 0.5},
}
TABLE = hb.list_systems("deconvolution")
BLIND = ("uniform", "dirichlet")
NAMES = [name for name in TABLE["name"] if name not in BLIND]
EMPTY = 7


@functools.cache
def planted():
    """60 spots of 4 of 5 types, one of them empty; 15 cells of every type."""
    reference = hb.data.simulate_reference(15, n_genes=80, seed=3)
    reference.obs["cell_type"] = reference.obs["cell_type"].astype(str)
    tissue = hb.data.simulate_tissue(
        1, spots_per_side=8, n_genes=80, microns_per_pixel=20, seed=3
    )
    rng = np.random.default_rng(0)
    signatures = type_profiles(3, 80, 5)[0]
    truth = rng.dirichlet(np.full(4, 0.5), tissue.n_obs)
    truth = np.column_stack([truth, np.zeros(tissue.n_obs)])
    counts = rng.poisson(2000 * truth @ signatures).astype(float)
    counts[EMPTY] = 0
    tissue.X = sp.csr_matrix(counts)
    tissue.layers.clear()
    tissue.obsm["morphology"] = np.column_stack(
        [truth[:, :2] + rng.normal(0, 0.1, (tissue.n_obs, 2)), rng.normal(size=64)]
    )
    tissue.obsm["true_proportions"] = pd.DataFrame(
        truth, index=tissue.obs_names, columns=[f"type{i + 1}" for i in range(5)]
    )
    return tissue, reference


@functools.cache
def result(name, again=False):
    tissue, reference = (part.copy() for part in planted())
    hb.deconvolve(tissue, reference, system=name, **FAST.get(name, {}))
    return tissue


def fitted(adata):
    rows = np.arange(adata.n_obs) != EMPTY
    truth = adata.obsm["true_proportions"]
    found = adata.obsm["proportions"][truth.columns]
    return found.to_numpy()[rows], truth.to_numpy()[rows]


@pytest.mark.parametrize("name", NAMES)
def test_it_finds_the_planted_mixture(name):
    found, truth = fitted(result(name))
    uniform = metrics.spot_rmse(np.full(truth.shape, 0.2), truth).mean()
    assert metrics.spot_rmse(found, truth).mean() < 0.6 * uniform


@pytest.mark.parametrize("name", NAMES)
def test_all_spots_and_types_are_there_and_rows_sum_to_one(name):
    adata = result(name)
    frame = adata.obsm["proportions"]
    assert list(frame.index) == list(adata.obs_names)
    assert list(frame) == [f"type{i + 1}" for i in range(5)]
    found, _ = fitted(adata)
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
    assert frame.iloc[EMPTY].isna().all()
    status = adata.obs["proportions_status"]
    assert status.iloc[EMPTY] == "no counts in shared genes"
    assert (status.drop(adata.obs_names[EMPTY]) == "fitted").all()


@pytest.mark.parametrize("name", NAMES)
def test_an_absent_type_gets_about_nothing(name):
    found, _ = fitted(result(name))
    # A map spreads every type of the reference over the tissue by construction, and
    # a prior on every abundance leaves some of it after few steps.
    most = {"tangram": 0.25, "cell2location": 0.1}.get(name, 0.06)
    assert found[:, 4].mean() < most


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_gives_the_same_and_leaves_torch_alone(name):
    import torch

    state = torch.get_rng_state()
    second = result(name, again=True)
    pd.testing.assert_frame_equal(
        second.obsm["proportions"], result(name).obsm["proportions"]
    )
    assert torch.equal(torch.get_rng_state(), state)


MODES = [
    ("rctd", {"mode": "doublet", "sigma": 0.3}),
    ("rctd", {"mode": "multi", "sigma": 0.3}),
    ("tangram", {"mode": "cells", "epochs": 80}),
    ("tangram", {"mode": "clusters", "epochs": 150}),
    ("cell2location", {"method": "variational", "epochs": 200, "groups": 5}),
    ("poisson_image", {"graph": "none"}),
    ("poisson_image", {"graph": "image", "image": "shuffle"}),
]


@pytest.mark.parametrize(("name", "params"), MODES)
def test_every_mode_finds_the_mixture_and_keeps_spots_and_types(name, params):
    tissue, reference = (part.copy() for part in planted())
    hb.deconvolve(tissue, reference, system=name, **params)
    found, truth = fitted(tissue)
    uniform = metrics.spot_rmse(np.full(truth.shape, 0.2), truth).mean()
    assert metrics.spot_rmse(found, truth).mean() < 0.8 * uniform
    assert found.shape == truth.shape
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
    assert tissue.obsm["proportions"].iloc[EMPTY].isna().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_type_of_one_cell_is_kept(name):
    tissue, reference = (part.copy() for part in planted())
    rare = np.flatnonzero(reference.obs["cell_type"] == "type5")
    reference = reference[np.setdiff1d(np.arange(reference.n_obs), rare[1:])].copy()
    few = {k: min(v, 20) if k == "epochs" else v for k, v in FAST.get(name, {}).items()}
    hb.deconvolve(tissue, reference, system=name, **few)
    found, _ = fitted(tissue)
    assert "type5" in tissue.obsm["proportions"]
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", TABLE["name"])
def test_a_type_that_no_shared_gene_shows_is_zero(name):
    """Its cells have no counts at all, or only in genes that spots were not read for.

    Left in, a mixture model keeps it where it started, and NMF gives it everything.
    """
    tissue, reference = (part.copy() for part in planted())
    mute = (reference.obs["cell_type"] == "type5").to_numpy()
    counts = reference.X.toarray()
    counts[mute] = 0
    reference.X = sp.csr_matrix(counts)
    elsewhere = ad.AnnData(sp.csr_matrix(100.0 * mute[:, None]), obs=reference.obs)
    elsewhere.var_names = ["elsewhere"]
    few = {k: min(v, 20) if k == "epochs" else v for k, v in FAST.get(name, {}).items()}
    tables = []
    for cells in (reference, ad.concat([reference, elsewhere], axis=1, merge="same")):
        hb.deconvolve(tissue, cells, system=name, **few)
        found, _ = fitted(tissue)
        assert list(tissue.obsm["proportions"])[4] == "type5"
        assert (found[:, 4] == 0).all()
        np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
        settings = tissue.uns["histobridge"]["proportions"]
        assert settings["types_not_shown"] == ["type5"]
        tables.append(found)
    known = reference[~mute].copy()
    hb.deconvolve(tissue, known, system=name, **few)
    without = tissue.obsm["proportions"].drop(tissue.obs_names[EMPTY]).to_numpy()
    for found in tables:
        np.testing.assert_allclose(found[:, :4], without, atol=1e-6)


def test_genes_that_show_one_type_are_refused():
    tissue, reference = (part.copy() for part in planted())
    counts = reference.X.toarray()
    counts[(reference.obs["cell_type"] != "type5").to_numpy()] = 0
    reference.X = sp.csr_matrix(counts)
    with pytest.raises(hb.ContractError, match="two cell types with counts"):
        hb.deconvolve(tissue, reference)


def test_every_published_system_cites_its_paper_and_says_what_it_needs():
    published = TABLE[TABLE["status"] == "published"]
    assert len(published) >= 12
    assert (published["paper"].str.len() > 10).all()
    assert published["needs"].str.contains("reference").all()
