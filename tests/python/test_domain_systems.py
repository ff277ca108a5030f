"""Every domain system on one small tissue with planted domains."""

import dataclasses
import inspect

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score

import histobridge as hb
from histobridge import registry
from histobridge.integration import Integrator, neural

TABLE = hb.list_systems("domains")
SYSTEMS = list(TABLE["name"][TABLE["status"] != "baseline"])
BUILDS = {name: registry.find(name, "domains").build for name in SYSTEMS}
PARAMETERS = {name: inspect.signature(f).parameters for name, f in BUILDS.items()}
NEURAL = [name for name in SYSTEMS if "epochs" in PARAMETERS[name]]
PUBLISHED = [name for name in SYSTEMS if "as_published" in PARAMETERS[name]]
IMAGES = [name for name in SYSTEMS if "image" in registry.find(name, "domains").needs]
FLOOR = 0.75
# Averages over 25 spots of 324, or learns from spatial edges more than from genes.
LOW = {"nichepca": 0.35, "graphst": 0.4, "spadac": 0.15, "pearlst": 0.15}


def quick(name):
    """Fewer epochs than the defaults: each run below half a second."""
    params = {}
    if "epochs" in PARAMETERS[name]:
        params["epochs"] = 40
    if name == "bayesspace":
        params["sweeps"] = 60
    if name == "stamarker":
        params["members"] = 2
    return params


def layered(seed=0, side=18, name="S1"):
    """Hexagonal section of four layers, each with genes of its own, and a picture."""
    rng = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(side**2), side)
    points = np.column_stack([column + 0.5 * (row % 2), row * np.sqrt(0.75)]) * 100.0
    # Off the lattice by a hundredth, so that no distances tie.
    points += rng.uniform(-1, 1, points.shape)
    wave = points[:, 1] + 60 * np.sin(points[:, 0] / 300)
    layer = np.digitize(wave, np.quantile(wave, [0.25, 0.5, 0.75]))
    rate = np.full((side**2, 100), 1.0)
    rate[:, :80] += 2.0 * (np.arange(80) // 20 == layer[:, None])
    depth = rng.lognormal(0, 0.4, (side**2, 1))
    counts = rng.poisson(rate * depth).astype(np.float32)
    obs = pd.DataFrame(
        {"sample_id": name, "layer": layer.astype(str)},
        index=[f"{name}_{i}" for i in range(side**2)],
    )
    adata = ad.AnnData(sp.csr_matrix(counts), obs=obs)
    adata.var_names = [f"gene{i}" for i in range(100)]
    adata.obsm["spatial"] = points
    colour = np.eye(4)[layer] @ rng.normal(size=(4, 6))
    adata.obsm["morphology"] = colour + rng.normal(size=(side**2, 6))
    return adata


@pytest.fixture(scope="module")
def planted():
    """324 spots in four layers."""
    return layered()


@pytest.fixture(scope="module")
def runs(planted):
    """Result of every system, computed when first asked for."""
    done = {}

    def run(name):
        if name not in done:
            adata = planted.copy()
            hb.find_domains(adata, 4, system=name, seeds=1, **quick(name))
            done[name] = adata
        return done[name]

    return run


@pytest.mark.parametrize("name", SYSTEMS)
def test_planted_domains_are_recovered(name, runs):
    adata = runs(name)
    found = adjusted_rand_score(adata.obs["layer"], adata.obs["domain"])
    assert found > LOW.get(name, FLOOR)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_seed_decides_and_labels_do_not(name, runs):
    # The other verb, and an object that holds no label: the same embedding.
    first = runs(name)
    bare = layered()
    del bare.obs["layer"]
    hb.run_integration(bare, name, **quick(name))
    np.testing.assert_array_equal(
        bare.obsm["integration"], first.obsm["domain_embedding"]
    )
    assert bare.uns["histobridge"]["integration"]["system"] == name


def two_sections(shift):
    parts = [layered(1, 8, "S1"), layered(2, 8, "S2")]
    parts[1].obsm["spatial"] = parts[1].obsm["spatial"] + shift
    return ad.concat(parts)


@pytest.mark.parametrize("name", SYSTEMS)
def test_where_a_second_section_lies_is_nothing_to_the_first(name):
    params = quick(name) | ({"epochs": 2} if name in NEURAL else {})
    over, beside = two_sections(0.0), two_sections([3e4, 7e4])
    for adata in (over, beside):
        hb.run_integration(adata, name, **params)
    one, other = (adata.obsm["integration"] for adata in (over, beside))
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(one).max())


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.filterwarnings("ignore:asked for")
def test_published_mistakes_are_reproduced_and_marked(name):
    adata, corrected = two_sections(500.0), two_sections(500.0)
    params = quick(name) | ({"epochs": 3} if name in NEURAL else {})
    hb.find_domains(adata, 4, system=name, seeds=1, as_published=True, **params)
    hb.find_domains(corrected, 4, system=name, seeds=1, **params)
    assert adata.uns["histobridge"]["domain"]["as_published"] is True
    assert "as_published" not in corrected.uns["histobridge"]["domain"]
    same = adata.obsm["domain_embedding"].shape == corrected.obsm[
        "domain_embedding"
    ].shape and np.allclose(
        adata.obsm["domain_embedding"], corrected.obsm["domain_embedding"]
    )
    # GraphPCA's mistake is in its head alone.
    assert same == (name == "graphpca")


@pytest.mark.parametrize("name", IMAGES)
def test_a_system_of_images_says_whether_it_had_one(name, runs):
    assert runs(name).uns["histobridge"]["domain"]["image"] == "used"
    blind = two_sections(0.0)
    del blind.obsm["morphology"]
    params = quick(name) | ({"epochs": 2} if name in NEURAL else {})
    hb.run_integration(blind, name, **params)
    assert blind.uns["histobridge"]["integration"]["image"] == "absent: genes only"


def test_there_is_a_system_for_every_published_one():
    assert set(SYSTEMS) >= {
        "attentionvgae", "banksy", "bayesspace", "cellcharter", "const", "deepst",
        "gist", "graphpca", "graphst", "harmonizr", "lloki", "mcgae", "nichepca",
        "pearlst", "resst", "sedr", "sigra", "spaceflow", "spadac", "spagcn",
        "spaingnn", "spatialglue", "spatialpca", "stagate", "staig", "staligner",
        "stamarker", "stlearn", "stmda",
    }  # fmt: skip


def test_a_baseline_has_no_embedding(planted):
    with pytest.raises(hb.ContractError, match="an embedding; found the baseline"):
        hb.run_integration(planted.copy(), "pca_mixture")


def test_a_number_that_is_not_reached_is_told(monkeypatch):
    reached = Integrator(
        lambda adata, seed: np.zeros((adata.n_obs, 2)),
        lambda embedding, k, seed, adata: np.arange(adata.n_obs) % 3,
    )
    monkeypatch.setattr(registry.System, "create", lambda self, **params: reached)
    with pytest.warns(UserWarning, match="asked for 5 domains, found 3: graphst"):
        hb.find_domains(layered(0, 8), 5, system="graphst")


def test_spots_without_counts_have_no_embedding():
    adata = layered(0, 8)
    adata.X = sp.csr_matrix(adata.X.toarray() * (np.arange(64) != 5)[:, None])
    hb.run_integration(adata, "graphpca")
    found = adata.obsm["integration"]
    assert np.isnan(found[5]).all()
    assert np.isfinite(np.delete(found, 5, axis=0)).all()
    assert adata.uns["histobridge"]["integration"]["n_empty"] == 1


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("n", [4, 15])
@pytest.mark.filterwarnings("ignore:asked for", "ignore:Number of distinct clusters")
def test_a_handful_of_spots_is_enough(name, n):
    """All of them neighbours of each other, fewer than a network has clusters."""
    adata = layered(0, 4)[:n].copy()
    params = quick(name) | ({"epochs": 6} if name in NEURAL else {})
    hb.find_domains(adata, 2, system=name, seeds=1, **params)
    assert adata.obs["domain"].notna().all()
    assert np.isfinite(adata.obsm["domain_embedding"]).all()


def test_a_baseline_chooses_no_number(planted):
    for name in TABLE["name"][TABLE["status"] == "baseline"]:
        with pytest.raises(hb.ContractError, match="k, which no baseline chooses"):
            hb.find_domains(planted.copy(), system=name)
        with pytest.raises(hb.ContractError, match="at least 400 spots"):
            hb.find_domains(planted.copy(), 400, system=name)


def test_many_tiles_take_as_many_steps_as_one_batch():
    embed = BUILDS["stagate"]().embed
    found = [embed._shortened(tiles).epochs for tiles in (1, 2, 4, 16)]
    assert found == [200, 100, 50, 50]
    assert BUILDS["stagate"](epochs=7).embed._shortened(16).epochs == 7
    # Triplets of staligner start at half of the epochs: they all have to come.
    aligned = BUILDS["staligner"]().embed
    assert aligned._shortened(16) == aligned.recipe


def test_tiles_train_and_embed_as_the_whole_does(monkeypatch):
    adata = layered()
    # A rate of zero leaves the weights that the seed gave: only tiling differs.
    still = dataclasses.replace(BUILDS["stagate"]().embed.recipe, learning_rate=0.0)
    results = []
    for size in (10_000, 90):
        monkeypatch.setattr(neural, "TILE", size)
        model = BUILDS["stagate"]()
        model.embed.recipe = still.but(epochs=1)
        results.append(model.fit(adata).embedding_)
    np.testing.assert_allclose(results[0], results[1], atol=1e-5)
    found = BUILDS["stagate"](epochs=40).fit_predict(adata, 4)
    assert adjusted_rand_score(adata.obs["layer"], found) > FLOOR
