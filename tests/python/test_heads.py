"""Clustering heads: communities, Potts, co-association, number of domains, mclust."""

import shutil
import subprocess
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import adjusted_rand_score as rand

from histobridge import graphs
from histobridge.integration.communities import leiden, leiden_to_k, neighbour_graph
from histobridge.integration.consensus import coassociation
from histobridge.integration.mixture import SharedCovarianceMixture
from histobridge.integration.potts import PottsMixture, colour_classes
from histobridge.integration.refinement import majority_vote, minority_vote
from histobridge.integration.selection import number_of_domains, stability


def groups(k, n=400, d=6, separation=4.0, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(k, size=n)
    return rng.normal(0, separation, (k, d))[labels] + rng.normal(size=(n, d)), labels


def modularity(graph, labels):
    degree = np.asarray(graph.sum(axis=1)).ravel()
    total = degree.sum()
    inside = sum(graph[labels == c][:, labels == c].sum() for c in set(labels))
    return inside / total - sum(
        (degree[labels == c].sum() / total) ** 2 for c in set(labels)
    )


@pytest.mark.parametrize("seed", range(3))
def test_leiden_reaches_the_modularity_of_networkx(seed):
    import networkx as nx

    graph = nx.planted_partition_graph(8, 30, 0.3, 0.03, seed=seed)
    matrix = sp.csr_matrix(nx.to_scipy_sparse_array(graph, dtype=float))
    found = leiden(matrix, seed=seed)
    other = nx.community.louvain_communities(graph, seed=seed)
    assert modularity(matrix, found.labels) > nx.community.modularity(graph, other) - (
        1e-3
    )
    assert found.k == found.labels.max() + 1


def test_leiden_communities_are_connected():
    x, _ = groups(5, separation=1.0)
    graph = neighbour_graph(x, 8)
    for resolution in (0.5, 2.0):
        labels = leiden(graph, resolution).labels
        for label in set(labels):
            part = graph[labels == label][:, labels == label]
            assert sp.csgraph.connected_components(part)[0] == 1


def test_stray_spots_do_not_use_up_the_communities():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 50))
    x *= np.sqrt(3 / rng.chisquare(3, size=(1000, 1)))
    x[:500, 0] += 8
    found = leiden_to_k(neighbour_graph(x, 10), 4)
    assert found.k == 4
    assert np.bincount(found.labels).min() > 100


def test_leiden_moves_nodes_that_nothing_holds():
    pairs = sp.csr_matrix(np.kron(np.eye(4), np.ones((3, 3)) - np.eye(3)))
    assert rand(leiden(pairs).labels, np.repeat(range(4), 3)) == 1.0
    assert leiden(sp.csr_matrix((5, 5))).k == 5


@pytest.mark.parametrize(("k", "separation"), [(3, 1.0), (5, 2.5), (9, 2.5)])
def test_the_wanted_number_of_communities_is_found(k, separation):
    x, labels = groups(5, separation=separation)
    found = leiden_to_k(neighbour_graph(x), k)
    assert found.k == k == len(set(found.labels))
    if k == 5:
        assert rand(labels, found.labels) > 0.9


def test_what_cannot_be_reached_is_told():
    blocks = sp.csr_matrix(np.kron(np.eye(4), np.ones((5, 5)) - np.eye(5)))
    assert leiden_to_k(blocks, 2).k == 4


@pytest.fixture(scope="module")
def layers():
    """900 spots on hexagons in three layers, features with much noise."""
    rng = np.random.default_rng(0)
    row, column = np.divmod(np.arange(900), 30)
    points = np.column_stack([column + 0.5 * (row % 2), row * np.sqrt(0.75)])
    labels = row // 10
    x = rng.normal(size=(3, 4))[labels] * 1.2 + rng.normal(size=(900, 4))
    return x, labels, graphs.ring_graph(points, np.zeros(900))


def test_colour_classes_are_independent_and_cover_all(layers):
    _, _, graph = layers
    classes = list(colour_classes(graph))
    assert sorted(np.concatenate(classes)) == list(range(900))
    assert len(classes) <= 8
    for spots in classes:
        assert graph[spots][:, spots].nnz == 0


@pytest.mark.parametrize("method", ["icm", "gibbs"])
def test_potts_smooths_what_a_mixture_speckles(method, layers):
    x, labels, graph = layers
    start = SharedCovarianceMixture(3).fit_predict(x)
    model = PottsMixture(3, method=method, sweeps=80, burn_in=20)
    found = model.fit(x, graph, start).labels_
    assert rand(labels, found) > rand(labels, start) + 0.25
    np.testing.assert_allclose(model.membership_.sum(axis=1), 1)


def test_without_smoothness_potts_is_a_mixture(layers):
    x, _, graph = layers
    start = SharedCovarianceMixture(3).fit_predict(x)
    none = PottsMixture(3, smoothness=0.0, t_degrees=None).fit(x, graph, start)
    strong = PottsMixture(3, smoothness=6.0, t_degrees=None).fit(x, graph, start)
    ends = graph.tocoo()

    def agree(labels):
        return (labels[ends.row] == labels[ends.col]).mean()

    assert agree(strong.labels_) > agree(none.labels_) + 0.1


def test_coassociation_outvotes_a_stray_member():
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=300)
    members = [rng.permutation(4)[labels] for _ in range(4)]
    members.append(rng.integers(4, size=300))
    assert rand(coassociation(members, 4), labels) == 1.0
    assert rand(coassociation(members, 4, anchors=40), labels) == 1.0


@pytest.mark.parametrize("anchors", [2000, 60])
def test_a_few_odd_spots_are_no_domain(anchors):
    # Half of the members take two groups for one: the odd spots are farther off.
    rng = np.random.default_rng(0)
    labels, odd = np.repeat([0, 1, 2], 100), [5, 6, 150, 290]
    members = []
    for half in [True, False] * 6:
        member = np.where(half & (labels == 1), 0, labels)
        member[odd] = rng.integers(6, size=len(odd)) + 3
        member[rng.integers(300, size=10)] = rng.integers(3, size=10)
        members.append(member)
    found = coassociation(members, 3, anchors=anchors)
    assert np.bincount(found).min() > 80
    usual = np.setdiff1d(np.arange(300), odd)
    assert rand(found[usual], labels[usual]) > 0.9


def test_where_no_groups_are_large_the_plain_cut_stays():
    assert sorted(coassociation([np.array([0, 0, 1, 2])], 3)) == [0, 0, 1, 2]


def test_coassociation_of_many_spots_needs_no_square():
    rng = np.random.default_rng(0)
    labels = rng.integers(5, size=20_000)
    members = []
    for _ in range(8):
        member = labels.copy()
        stray = rng.random(20_000) < 0.2
        member[stray] = rng.integers(5, size=stray.sum())
        members.append(member)
    tracemalloc.start()
    found = coassociation(members, 5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
    assert rand(found, labels) > 0.9


@pytest.mark.parametrize("k", [2, 4, 7])
def test_the_number_of_clear_groups_is_found(k):
    x, _ = groups(k, n=600, separation=6.0, seed=1)
    assert number_of_domains(x) == k


def test_halves_disagree_on_groups_that_are_not_there():
    x, _ = groups(3, n=600, separation=6.0)
    rng = np.random.default_rng(0)
    assert stability(x, 3, rng).mean() > 0.99 > stability(x, 6, rng).mean() + 0.1


def test_a_larger_sample_has_no_more_domains():
    x, _ = groups(4, n=5000, separation=6.0)
    assert number_of_domains(x) == 4


def test_votes_follow_their_rules():
    # A star: the middle spot 0 has label 0, its ring 1 1 1 2 2 2.
    star = sp.csr_matrix(([1.0] * 6, ([0] * 6, range(1, 7))), shape=(7, 7))
    labels = np.array([0, 1, 1, 1, 1, 2, 0])
    assert majority_vote(labels, star)[0] == 1
    assert minority_vote(labels, star)[0] == 1
    split = np.array([0, 1, 1, 1, 2, 2, 2])
    assert minority_vote(split, star)[0] == 0
    tie = np.array([0, 1, 1, 1, 0, 0, 0])
    assert majority_vote(tie, star)[0] == 0
    # Spots without neighbours keep their label.
    assert (majority_vote(labels, star)[1:] == labels[1:]).all()


MCLUST = """
suppressMessages(library(mclust))
x <- as.matrix(read.csv("x.csv", header = FALSE))
fit <- Mclust(x, G = 4, modelNames = "EEE", verbose = FALSE)
cat(fit$loglik, fit$classification)
"""


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
@pytest.mark.parametrize("seed", range(3))
def test_the_mixture_agrees_with_mclust(seed, tmp_path):
    rng = np.random.default_rng(seed)
    labels = rng.choice(4, 500, p=[0.4, 0.3, 0.2, 0.1])
    means = rng.normal(0, 2.5, (4, 5))
    x = (means[labels] + rng.normal(size=(500, 5))) @ rng.normal(size=(5, 5))
    np.savetxt(tmp_path / "x.csv", x, delimiter=",")
    done = subprocess.run(
        ["Rscript", "-e", MCLUST], cwd=tmp_path, capture_output=True, text=True
    )
    if "no package called" in done.stderr:
        pytest.skip("the R package mclust is not installed")
    values = np.array(done.stdout.split(), dtype=float)
    model = SharedCovarianceMixture(4).fit(x)
    assert rand(model.labels_, values[1:]) > 0.95
    assert model.log_likelihood_ > values[0] - 0.5
