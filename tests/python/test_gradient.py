"""Pseudotime: a planted layered tissue, its roots, and plain distance."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.integration.gradient import (
    _pseudotimes,
    partial_spearman,
    spearman,
)


@pytest.fixture
def layers():
    """A folded band: depth follows the arms of a U, distance cuts across."""
    rng = np.random.default_rng(0)
    depth = np.repeat(np.linspace(0, 1, 60), 8)
    angle = np.pi * 1.8 * depth
    radius = 10 + np.tile(np.arange(8), 60) * 0.5
    points = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) * 100
    curve = np.column_stack([np.cos(np.pi * depth * f) for f in (1, 2, 3)])
    values = curve + rng.normal(0, 0.03, curve.shape)
    names = [f"s{i}" for i in range(len(depth))]
    level = pd.cut(depth, 6, labels=list("ABCDEF"))
    obs = pd.DataFrame({"depth": depth, "layer": level}, index=names)
    obsm = {"spatial": points, "integration": values}
    return ad.AnnData(np.ones((len(depth), 3)), obs, obsm=obsm)


def test_pseudotime_follows_planted_layers_where_distance_does_not(layers):
    found = hb.trace_gradient(layers, root_domain="A", by="layer", order="depth")
    assert found["order_correlation"] > 0.95
    assert found["order_of_distance"] < 0.8
    assert found["order_partial"] > 0.9
    assert found["distance_share"] < 0.7
    assert found["partial"] > 0.5
    assert layers.obs["layer"][found["root"]] == "A"
    assert layers.obs["pseudotime"][found["root"]] == 0
    assert layers.obs["pseudotime"].max() == pytest.approx(1)
    record = layers.uns["histobridge"]["pseudotime"]
    assert {key: record[key] for key in found} == found


def test_uneven_density_folds_a_line_in_scanpy_and_not_here():
    import scanpy as sc

    line = np.cos(np.pi * np.repeat(np.linspace(0, 1, 60), 8))
    noise = np.random.default_rng(0).normal(0, 0.03, (480, 2))
    values = np.column_stack([line, 0 * line]) + noise
    ours = _pseudotimes(values, np.array([0]), 15)[0]
    cells = ad.AnnData(obsm={"X": values.astype(np.float32)})
    sc.pp.neighbors(cells, 15, use_rep="X", method="gauss")
    sc.tl.diffmap(cells)
    cells.uns["iroot"] = 0
    sc.tl.dpt(cells)
    assert abs(spearman(cells.obs["dpt_pseudotime"].to_numpy(), line)) < 0.5
    assert abs(spearman(ours, line)) > 0.95


def test_an_even_line_gives_what_scanpy_gives():
    import scanpy as sc

    rng = np.random.default_rng(0)
    values = np.column_stack([np.linspace(0, 10, 400), rng.normal(0, 0.1, 400)])
    ours = _pseudotimes(values, np.array([0]), 15)[0]
    cells = ad.AnnData(obsm={"X": values.astype(np.float32)})
    sc.pp.neighbors(cells, 15, use_rep="X", method="gauss")
    sc.tl.diffmap(cells)
    cells.uns["iroot"] = 0
    sc.tl.dpt(cells)
    assert spearman(ours, cells.obs["dpt_pseudotime"].to_numpy()) > 0.99


def test_sensitivity_is_high_at_an_end_and_low_in_the_middle(layers):
    end = hb.trace_gradient(layers, root_domain="A", by="layer")
    middle = hb.trace_gradient(layers, root_domain="C", by="layer")
    assert len(end["roots"]) == 20
    assert min(end["root_sensitivity"]) > 0.8
    assert min(middle["root_sensitivity"]) < min(end["root_sensitivity"])


def test_a_spot_and_its_place_are_the_same_root(layers):
    place = layers.obsm["spatial"][7] + 1.0
    hb.trace_gradient(layers, root_spot="s7", key_added="spot")
    found = hb.trace_gradient(layers, root_point=place, key_added="place")
    assert found["root"] == "s7"
    assert (layers.obs["spot"] == layers.obs["place"]).all()
    near = layers.obsm["spatial"][layers.obs_names.get_indexer(found["roots"])]
    assert np.linalg.norm(near - place, axis=1).max() < 500


def test_where_expression_is_distance_the_record_says_so():
    points = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), -1).reshape(-1, 2)
    obsm = {"spatial": points, "integration": points + 0.0}
    adata = ad.AnnData(np.ones((400, 3)), obsm=obsm)
    found = hb.trace_gradient(adata, root_point=(0, 0))
    assert found["distance_share"] > 0.8
    assert np.isnan(found["partial"])


def test_spots_without_embedding_or_path_are_missing(layers):
    layers.obsm["integration"][5] = np.nan
    layers.obsm["integration"][-40:] += 1000
    found = hb.trace_gradient(layers, root_spot="s0")
    assert found["n_unreached"] == 40
    assert np.isnan(layers.obs["pseudotime"].to_numpy()).sum() == 41


def test_partial_correlation_is_that_of_the_residuals():
    rng = np.random.default_rng(0)
    z = rng.normal(size=200)
    x, y = z + rng.normal(size=200), z + rng.normal(size=200)
    ranks = pd.DataFrame({"x": x, "y": y, "z": z}).rank().to_numpy()
    left = [
        ranks[:, i] - np.polyval(np.polyfit(ranks[:, 2], ranks[:, i], 1), ranks[:, 2])
        for i in (0, 1)
    ]
    assert partial_spearman(x, y, z) == pytest.approx(np.corrcoef(*left)[0, 1])
    assert partial_spearman(x, y, z) < spearman(x, y)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "exactly one"),
        ({"root_spot": "s1", "root_domain": "A"}, "exactly one"),
        ({"root_spot": "nobody"}, "name of a spot"),
        ({"root_domain": "Z", "by": "layer"}, "level of"),
        ({"root_point": (1, 2, 3)}, "x and y"),
        ({"root_spot": "s1", "embedding": "none"}, "run_integration"),
        ({"root_spot": "s1", "order": "nothing"}, "known order"),
    ],
)
def test_wrong_input_is_refused_and_nothing_written(layers, wrong, message):
    with pytest.raises(ContractError, match=message):
        hb.trace_gradient(layers, **wrong)
    assert "pseudotime" not in layers.obs


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_embedding_of_copies_is_refused_by_name(layers):
    layers.obsm["integration"][:] = layers.obsm["integration"][::20].repeat(20, axis=0)
    with pytest.raises(ContractError, match="tells a spot from most of its neighbours"):
        hb.trace_gradient(layers, root_spot="s1")
