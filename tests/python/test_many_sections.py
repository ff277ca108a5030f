"""Sections embedded together: Harmony, pooled loadings, and what the runner says."""

import anndata as ad
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from test_domain_systems import layered

import histobridge as hb
from histobridge import graphs
from histobridge.contract import ContractError
from histobridge.evaluation import metrics
from histobridge.integration.embedding import GraphSmoother, graph_components
from histobridge.integration.harmony import Harmony
from histobridge.integration.pooled import pooled_components


@pytest.fixture(scope="module")
def blobs():
    """Four clusters in two batches; each cluster is shifted in a way of its own."""
    rng = np.random.default_rng(0)
    cluster, batch = rng.integers(0, 4, 900), rng.integers(0, 2, 900)
    centres = rng.normal(0, 6, (4, 8))
    shifts = rng.normal(0, 1.5, (4, 8))
    clean = centres[cluster] + rng.normal(size=(900, 8))
    return clean, clean + batch[:, None] * shifts[cluster], batch, cluster


def mixing(embedding, batch, label):
    return metrics.ilisi(embedding, batch, label), metrics.clisi(embedding, label)


def test_harmony_mixes_planted_batches_and_keeps_clusters(blobs):
    clean, shifted, batch, cluster = blobs
    before, apart = mixing(shifted, batch, cluster)
    after, kept = mixing(Harmony()(shifted, batch), batch, cluster)
    best, _ = mixing(clean, batch, cluster)
    assert before < 0.3
    assert after > before + 0.7 * (best - before)
    assert kept > 0.99
    assert apart > 0.99


def test_harmony_leaves_a_cluster_that_one_batch_alone_has(blobs):
    _, shifted, batch, cluster = blobs
    keep = (cluster != 3) | (batch == 0)
    found = Harmony()(shifted[keep], batch[keep])
    labels = cluster[keep]
    assert metrics.clisi(found, labels) > 0.98
    assert mixing(found, batch[keep], labels)[0] > 0.5


def test_harmony_without_diversity_or_batches_changes_little_or_nothing(blobs):
    clean, shifted, batch, _ = blobs
    one = np.zeros(len(batch))
    np.testing.assert_array_equal(Harmony()(shifted, one), shifted)
    # Batches that differ in nothing leave nothing to take out.
    moved = np.abs(Harmony()(clean, batch) - clean).mean()
    assert moved < 0.3 * np.abs(Harmony()(shifted, batch) - shifted).mean()
    again = Harmony(seed=3)
    np.testing.assert_array_equal(again(shifted, batch), again(shifted, batch))


def test_one_section_has_the_loadings_of_graph_components():
    rng = np.random.default_rng(1)
    points = rng.random((200, 2))
    scores = rng.normal(size=(200, 6)) * np.arange(6, 0, -1)
    scores -= scores.mean(axis=0)
    one = np.zeros(200, dtype=int)
    graph = graphs.symmetric(graphs.knn_graph(points, one, 6))
    smoother = GraphSmoother(graphs.laplacian(graph))
    found, _ = pooled_components(scores, smoother, 0.5, one, 3)
    expected = graph_components(scores, smoother, 0.5, 3)
    np.testing.assert_allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize("turned", [True, False])
def test_small_sections_lean_on_the_mean_and_components_agree(turned):
    rng = np.random.default_rng(2)
    sections = np.repeat([0, 1], [2000, 60])
    scores = rng.normal(size=(2060, 6)) * np.array([9, 5, 3, 1, 1, 1])
    if turned:
        turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
        scores[sections == 1] = scores[sections == 1] @ turn
    smoother = GraphSmoother(graphs.laplacian(graphs.symmetric(_line(sections))))
    found, share = pooled_components(scores, smoother, 0.1, sections, 3)
    if turned:
        assert share[0] < share[1] / 3
        assert share[1] < 1
    else:
        assert share[0] > 0.5
        together = graph_components(scores, smoother, 0.1, 3)
        for mine in (sections == 0, sections == 1):
            for one, other in zip(found[mine].T, together[mine].T, strict=True):
                assert np.corrcoef(one, other)[0, 1] > 0.9


def _line(sections):
    return graphs.knn_graph(np.arange(len(sections))[:, None] * [1.0, 0], sections, 2)


@pytest.fixture(scope="module")
def batched():
    """Two sections with the same layers, genes captured differently in one."""
    parts = [layered(1, 14, "S1"), layered(2, 14, "S2")]
    rng = np.random.default_rng(0)
    # Capture that differs by gene, so that it is no matter of depth.
    factor = np.exp(rng.normal(0, 1.5, 100))
    counts = parts[1].X.toarray() * factor
    for part in parts:
        del part.obsm["morphology"]
    parts[1].X = type(parts[1].X)(rng.poisson(counts).astype(np.float32))
    return ad.concat(parts)


@pytest.fixture(scope="module")
def scores(batched):
    return hb.benchmark_domains(
        batched,
        "layer",
        joint=True,
        systems=["pooled_graphpca", "harmony"],
        seeds=1,
        n_bootstrap=20,
        progress=False,
    )


def test_joint_scores_say_what_correction_gains(scores):
    table = scores.table[scores.table["fold"] == "all"]
    wide = table.pivot(index="system", columns="metric", values="value")
    raw = wide.loc["uncorrected_mixture"]
    assert raw["ilisi"] < 0.1
    assert raw["kbet"] < 0.1
    for system in ("pooled_graphpca", "harmony"):
        mine = wide.loc[system]
        assert mine["ilisi"] > raw["ilisi"] + 0.5
        assert mine["kbet"] > raw["kbet"] + 0.3
        assert mine["batch_silhouette"] > raw["batch_silhouette"]
        assert mine["clisi"] > raw["clisi"] - 0.02
        assert mine["ari"] > 0.8
    assert {"ari", "ilisi", "clisi"} <= set(scores.summary().columns)


def test_joint_scores_are_those_of_the_embedding(batched, scores):
    alone = batched.copy()
    hb.find_domains(alone, 4, system="harmony")
    z = alone.obsm["domain_embedding"]
    section, layer = (alone.obs[c].to_numpy() for c in ("sample_id", "layer"))
    runs = scores.runs[scores.runs["system"] == "harmony"].set_index("metric")["value"]
    expected = {
        "ilisi": metrics.ilisi(z, section, layer),
        "clisi": metrics.clisi(z, layer),
        "kbet": metrics.kbet(z, section, layer),
        "silhouette": metrics.label_silhouette(z, layer),
        "batch_silhouette": metrics.batch_silhouette(z, section, layer),
    }
    for name, value in expected.items():
        assert runs[name] == pytest.approx(value, abs=1e-9)
    of_sections = [
        adjusted_rand_score(part.obs["layer"], part.obs["domain"])
        for part in (alone[section == s] for s in ("S1", "S2"))
    ]
    assert runs["ari"] == pytest.approx(np.mean(of_sections))


def test_one_section_has_nothing_to_mix():
    with pytest.raises(ContractError, match="two sections"):
        hb.benchmark_domains(layered(0, 8), "layer", joint=True, progress=False)
