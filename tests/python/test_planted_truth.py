"""What is planted is found, and what is not there is not (see histobridge.data)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

import histobridge as hb
from histobridge import contract
from histobridge.data import simulate_reference, simulate_tissue

BLIND = ["train_mean", "section_copy", "coordinates_knn", "depth_scalar"]
MANY = {"n_sections": 5, "spots_per_side": 9, "n_genes": 60, "microns_per_pixel": 4}
# An image that nobody reads is painted coarsely.
COARSE = {"microns_per_pixel": 20}


@pytest.fixture(scope="module", params=[0, 3])
def scores(request):
    """Headline table at shared 0 and 1; the image, and so its features, are one."""
    seed, features, tables = request.param, None, {}
    for shared in (0.0, 1.0):
        adata = simulate_tissue(**MANY, shared=shared, seed=seed)
        if features is None:
            hb.add_morphology(
                adata, "colour", patch_microns=200, cache=False, progress=False
            )
            features = adata.obsm["morphology"], adata.uns["histobridge"]
        adata.obsm["morphology"], adata.uns["histobridge"] = features
        found = hb.benchmark_translation(
            adata, protocols="patients", genes=30, n_bootstrap=200, progress=False
        )
        tables[shared] = found.summary().set_index("system")
    return tables


def test_no_image_model_beats_the_blind_ladder_where_nothing_is_shared(scores):
    table = scores[0.0]
    best = table.loc[BLIND, "pearson_gene"].max()
    for name in ("ridge_plus", "colour_ridge", "permuted_images"):
        assert table.loc[name, "lower"] < best, name
        assert table.loc[name, "pearson_gene"] < 0.15, name


def test_the_image_beats_the_blind_ladder_where_all_is_shared(scores):
    table = scores[1.0]
    ours = table.loc["ridge_plus"]
    assert ours["lower"] > table.loc[BLIND, "upper"].max() + 0.2
    assert ours["lower"] > table.loc["permuted_images", "upper"] + 0.2
    assert ours["pearson_gene"] > 0.5
    assert ours["pearson_gene"] < table.loc["noise_ceiling", "pearson_gene"]


def test_what_is_left_after_depth_is_still_there_where_all_is_shared(scores):
    table = scores[1.0]
    ours = table.loc["ridge_plus"]
    assert ours["pearson_gene_partial"] > ours["pearson_gene"] - 0.03
    assert abs(table.loc["depth_scalar", "pearson_gene_partial"]) < 1e-6


def test_the_noise_ceiling_is_what_the_planted_rate_reaches():
    adata = simulate_tissue(2, spots_per_side=10, n_genes=80, **COARSE)
    found = hb.benchmark_translation(
        adata,
        "train_mean",
        protocols="patients",
        genes=40,
        n_bootstrap=2,
        progress=False,
    ).summary()
    ceiling = found.set_index("system").loc["noise_ceiling", "pearson_gene"]
    reached = []
    for spots in contract.sections(adata).values():
        counts = adata.X[spots].toarray()
        normal = np.log1p(1e4 * counts / counts.sum(axis=1, keepdims=True))
        top = np.argsort(-normal.var(axis=0))[:40]
        rate = adata.layers["rate"][spots]
        reached += [np.corrcoef(rate[:, g], normal[:, g])[0, 1] for g in top]
    # Overdispersed counts of a spot are expression to the ceiling, noise to the rate.
    assert np.mean(reached) - 0.02 < ceiling < np.mean(reached) + 0.15


@pytest.fixture(scope="module")
def domain_scores():
    """Mean adjusted Rand index over sections of three tissues, few counts a spot."""
    rows = []
    names = ("gpca_consensus", "pca_mixture", "coordinates_kmeans")
    for seed in (0, 1, 2):
        tissue = simulate_tissue(
            2, spots_per_side=14, n_genes=100, depth=300, seed=seed, **COARSE
        )
        for spots in contract.sections(tissue).values():
            section = tissue[spots].copy()
            truth = section.obs["domain"]
            del section.obs["domain"]
            for name in names:
                hb.find_domains(
                    section, truth.nunique(), system=name, key_added="found"
                )
                ari = adjusted_rand_score(truth, section.obs["found"])
                rows.append({"system": name, "ari": ari})
    return pd.DataFrame(rows).groupby("system")["ari"].mean()


def test_planted_domains_are_found(domain_scores):
    assert domain_scores["gpca_consensus"] > 0.7


def test_domains_beat_genes_alone_and_coordinates_alone(domain_scores):
    ours = domain_scores["gpca_consensus"]
    assert ours > domain_scores["pca_mixture"] + 0.15
    assert ours > domain_scores["coordinates_kmeans"] + 0.4


def test_domains_of_deep_sections_are_as_good_as_those_of_genes_alone():
    """With 3,000 counts a spot there is nothing to denoise: smoothing must not harm."""
    scores = {"gpca_consensus": [], "pca_mixture": []}
    for seed in (0, 1, 2):
        section = simulate_tissue(
            1, spots_per_side=14, n_genes=100, seed=seed, **COARSE
        )
        for name, found in scores.items():
            hb.find_domains(section, 4, system=name, key_added="found")
            truth, labels = section.obs["domain"], section.obs["found"]
            found.append(adjusted_rand_score(truth, labels))
    assert np.mean(scores["gpca_consensus"]) > 0.7
    assert np.mean(scores["gpca_consensus"]) > np.mean(scores["pca_mixture"]) - 0.03


def test_one_domain_over_several_sections_is_one_label():
    tissue = simulate_tissue(3, spots_per_side=10, n_genes=100, seed=2, **COARSE)
    hb.find_domains(tissue, 4, key_added="found")
    assert adjusted_rand_score(tissue.obs["domain"], tissue.obs["found"]) > 0.6


def mixture(platform_sd):
    tissue = simulate_tissue(
        1, spots_per_side=14, n_genes=100, platform_sd=platform_sd, **COARSE
    )
    cells = simulate_reference(40, n_genes=100)
    hb.deconvolve(tissue, cells)
    found = hb.benchmark_deconvolution(tissue, cells, n_bootstrap=100, progress=False)
    truth = tissue.obsm["true_proportions"]
    estimate = tissue.obsm["proportions"][truth.columns]
    r = np.corrcoef(estimate.to_numpy().ravel(), truth.to_numpy().ravel())[0, 1]
    return r, found.summary().set_index("system")


def test_planted_proportions_are_recovered_better_than_by_the_ladder():
    r, table = mixture(platform_sd=0.0)
    assert r > 0.97
    rmse = table["rmse_spot"]
    for name in ("uniform", "dirichlet", "nnls"):
        assert table.loc["poisson_image", "upper"] < table.loc[name, "lower"], name
    assert rmse["poisson_image"] < 0.2 * rmse["uniform"]
    # Without noise of a platform, zeros of NNLS are near perfect: no more is to be had.
    assert table["auprc"]["poisson_image"] > table["auprc"].max() - 0.02
    assert table.index[0] == "poisson_image"


def test_a_platform_between_spots_and_cells_is_withstood():
    r, table = mixture(platform_sd=1.0)
    assert r > 0.95
    rmse = table["rmse_spot"]
    assert rmse["poisson_image"] < 0.5 * rmse["nnls"]
    assert table.loc["poisson_image", "upper"] < table.loc["nnls", "lower"]


def test_the_ablation_of_the_image_is_in_every_report_of_deconvolution(tmp_path):
    tissue = simulate_tissue(1, spots_per_side=14, seed=1, depth=300, **COARSE)
    cells = simulate_reference(40, seed=1)
    blind = hb.benchmark_deconvolution(tissue, cells, n_bootstrap=20, progress=False)
    ablations = {"no_image", "shuffled_image"}
    assert ablations.isdisjoint(blind.table["system"])
    hb.add_morphology(tissue, "colour", cache=False, progress=False)
    found = hb.benchmark_deconvolution(tissue, cells, n_bootstrap=20, progress=False)
    rmse = found.summary().set_index("system")["rmse_spot"]
    for name in ablations:
        assert rmse["poisson_image"] < 0.95 * rmse[name], name
    assert np.isclose(
        rmse["no_image"], blind.summary().set_index("system")["rmse_spot"].min()
    )
    page = Path(hb.write_report(found, tmp_path / "report.html")).read_text()
    assert all(name in page for name in ablations)
