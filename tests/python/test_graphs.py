"""Graphs: right by geometry, block-diagonal over sections, and never n x n."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from histobridge import graphs
from histobridge.contract import ContractError


def hexagonal(side):
    row, column = np.divmod(np.arange(side**2), side)
    return np.column_stack([column + 0.5 * (row % 2), row * np.sqrt(0.75)]) * 100.0


def square(side):
    row, column = np.divmod(np.arange(side**2), side)
    return np.column_stack([column, row]) * 200.0


def scattered(n, seed=0):
    return np.random.default_rng(seed).random((n, 2)) * 1000


FEATURES = np.random.default_rng(3).normal(size=(400, 5))
BUILDERS = {
    "knn": lambda p, s: graphs.symmetric(graphs.knn_graph(p, s, 6)),
    "radius": lambda p, s: graphs.radius_graph(p, s, 1.5 * graphs.pitch(p)),
    "ring": graphs.ring_graph,
    "rings": lambda p, s: graphs.ring_graph(p, s, rings=2),
    "delaunay": graphs.delaunay_graph,
    "alpha": graphs.alpha_graph,
    "features": lambda p, s: graphs.feature_graph(
        np.resize(FEATURES, (len(p), 5)), s, 5, "correlation"
    ),
    "colour": lambda p, s: graphs.knn_graph(
        graphs.colour_coordinates(p, np.resize(FEATURES, (len(p), 3)), s), s, 6
    ),
    "product": lambda p, s: graphs.product_weights(
        graphs.knn_graph(p, s, 6), [np.resize(FEATURES, (len(p), 5))]
    ),
    "pruned": lambda p, s: graphs.label_pruned(
        graphs.knn_graph(p, s, 6), np.arange(len(p)) % 3
    ),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_no_edge_crosses_sections_nor_joins_a_spot_to_itself(name):
    points = np.vstack([scattered(80), scattered(70, 1)])
    order = np.random.default_rng(0).permutation(150)
    sections = (np.arange(150) >= 80).astype(int)[order]
    graph = BUILDERS[name](points[order], sections)
    edges = graph.tocoo()
    assert sp.issparse(graph)
    assert len(edges.row) > 0
    assert (sections[edges.row] == sections[edges.col]).all()
    assert (edges.row != edges.col).all()


@pytest.mark.parametrize("name", ["knn", "ring", "rings", "delaunay", "alpha"])
def test_a_section_has_the_graph_it_has_alone(name):
    points = np.vstack([scattered(80), hexagonal(8)])
    sections = (np.arange(len(points)) >= 80).astype(int)
    both = BUILDERS[name](points, sections)
    alone = BUILDERS[name](points[:80], sections[:80])
    assert (both[:80, :80] != alone).nnz == 0


@pytest.mark.parametrize("name", BUILDERS)
def test_nothing_of_size_n_squared_is_ever_allocated(name):
    n = 20_000
    points, sections = scattered(n), np.zeros(n, dtype=int)
    BUILDERS[name](points[:500], sections[:500])
    tracemalloc.start()
    BUILDERS[name](points, sections)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Even one bit for each pair would be 50 MB; bytes would be 400.
    assert peak < 150e6, f"{peak / 1e6:.0f} MB"


def test_the_guard_against_dense_matrices_can_fail():
    tracemalloc.start()
    graphs.knn_graph(scattered(5000), np.zeros(5000), 6).toarray()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak > 150e6


def test_points_on_no_lattice_have_rings_of_six():
    assert graphs.lattice_rings(scattered(2000)) == 6
    assert graphs.lattice_rings(np.empty((0, 2))) == 6


def test_a_square_lattice_is_known_by_spots_that_lie_a_little_off():
    rng = np.random.default_rng(0)
    points = square(20) + rng.normal(0, 0.05, (400, 2))
    kept = rng.random(400) > 0.1
    assert graphs.lattice_rings(points[kept]) == 4


@pytest.mark.parametrize(("lattice", "ring"), [(hexagonal, 6), (square, 4)])
def test_rings_follow_the_lattice(lattice, ring):
    points = lattice(9)
    assert graphs.lattice_rings(points) == ring
    middle = 4 * 9 + 4
    once = graphs.ring_graph(points, np.zeros(81))
    twice = graphs.ring_graph(points, np.zeros(81), rings=2)
    assert once[middle].nnz == ring
    assert twice[middle].nnz == ring * 3
    # A corner reaches no further than its ring, as a kNN graph would.
    assert once[0].nnz <= 3


def test_the_radius_graph_is_all_pairs_within_it():
    points = scattered(120)
    found = graphs.radius_graph(points, np.zeros(120), 90.0).toarray()
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    expected = (distance <= 90) & ~np.eye(120, dtype=bool)
    np.testing.assert_array_equal(found, expected)


def test_a_radius_that_joins_everything_is_refused():
    points = scattered(2000)
    with pytest.raises(ContractError, match="at most 500 neighbours"):
        graphs.radius_graph(points, np.zeros(2000), 1e6)


def test_long_delaunay_edges_are_cut():
    island = np.vstack([square(6), square(6) + 20_000])
    graph = graphs.delaunay_graph(island, np.zeros(72), longest=80)
    assert graph[:36, 36:].nnz == 0
    assert graph[:36, :36].nnz > 60


def test_the_alpha_complex_is_that_of_its_definition():
    points = scattered(60)
    found = graphs.alpha_graph(points, np.zeros(60), 80.0).toarray() > 0
    # Definition by brute force: an edge is in when some disc of radius alpha or
    # less has both ends on its rim and no point inside. Centres lie on the bisector.
    expected = np.zeros((60, 60), dtype=bool)
    for i in range(60):
        for j in range(i):
            middle = (points[i] + points[j]) / 2
            half = np.linalg.norm(points[i] - points[j]) / 2
            if half > 80:
                continue
            normal = (points[i] - points[j])[::-1] * [1, -1] / (2 * half)
            reach = np.sqrt(80**2 - half**2)
            for step in np.linspace(-reach, reach, 801):
                centre = middle + step * normal
                radius = np.hypot(step, half)
                others = np.delete(points, [i, j], axis=0)
                if np.linalg.norm(others - centre, axis=1).min() >= radius - 1e-9:
                    expected[i, j] = expected[j, i] = True
                    break
    assert (found == expected).mean() > 0.999


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", ["delaunay", "alpha", "ring"])
def test_tiny_and_straight_sections_have_graphs_too(name, n):
    points = np.column_stack([np.arange(n) * 100.0, np.zeros(n)])
    graph = BUILDERS[name](points, np.zeros(n))
    assert graph.shape == (n, n)
    assert graph.nnz == 2 * (n - 1)


def test_the_bandwidth_gives_the_wanted_share():
    points = hexagonal(20)
    length = graphs.gaussian_bandwidth(points, 0.5, np.zeros(400))
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    kernel = np.exp(-(distance**2) / (2 * length**2))
    assert kernel.sum(axis=1).mean() - 1 == pytest.approx(0.5, abs=1e-3)


def test_products_are_taken_on_the_candidate_edges():
    points, sections = scattered(50), np.zeros(50)
    one, two = FEATURES[:50], FEATURES[50:100]
    graph = graphs.knn_graph(points, sections, 4)
    found = graphs.product_weights(graph, [one, two], "correlation").tocoo()
    for i, j, weight in zip(found.row, found.col, found.data, strict=True):
        alike = [max(np.corrcoef(x[i], x[j])[0, 1], 0) for x in (one, two)]
        assert weight == pytest.approx(alike[0] * alike[1])
    top = graphs.strongest(found.tocsr(), 2)
    assert (np.diff(top.indptr) <= 2).all()
    assert top[0].max() == found.tocsr()[0].max()


def test_points_as_near_as_the_last_are_neighbours_too():
    x, y = np.meshgrid(np.arange(9), np.arange(7))
    points = 200.1 * np.column_stack([x.ravel(), y.ravel()])
    graph = graphs.knn_graph(points, np.zeros(63), 6)
    inner = (points.min(1) > 0) & (x.ravel() < 8) & (y.ravel() < 6)
    assert set(np.diff(graph.indptr)[inner]) == {8}
    order = np.random.default_rng(0).permutation(63)
    again = graphs.knn_graph(points[order], np.zeros(63), 6)
    np.testing.assert_array_equal(again.toarray(), graph.toarray()[order][:, order])


def test_coinciding_points_stay_sparse():
    graph = graphs.knn_graph(np.zeros((500, 2)), np.zeros(500), 6)
    assert np.diff(graph.indptr).max() <= 6 + 12
    none = graphs.knn_graph(np.zeros((3, 2)), np.zeros(3), 0)
    assert none.nnz == 0


def test_pruning_by_groups_cuts_or_weakens_what_lies_between():
    graph = graphs.knn_graph(scattered(60), np.zeros(60), 6)
    groups = np.arange(60) % 2
    cut = graphs.label_pruned(graph, groups).tocoo()
    assert (groups[cut.row] == groups[cut.col]).all()
    weak = graphs.label_pruned(graph, groups, 0.25)
    assert weak.nnz == graph.nnz
    assert set(np.unique(weak.data)) == {0.25, 1.0}


def test_colour_is_the_third_axis_and_stain_is_no_distance():
    points, sections = hexagonal(10), np.arange(100) // 50
    colour = np.column_stack([points[:, 0] > 400, np.zeros(100), np.zeros(100)])
    darker = colour + 40.0 * sections[:, None]
    one = graphs.colour_coordinates(points, colour * 255, sections)
    other = graphs.colour_coordinates(points, darker * 255, sections)
    np.testing.assert_allclose(one, other, atol=1e-9)
    for section in (0, 1):
        part = one[sections == section]
        assert part[:, 2].std() == pytest.approx(part[:, :2].std(axis=0).max())


def test_links_across_sections_join_what_lies_above():
    points = np.vstack([hexagonal(6)] * 3)
    sections = np.repeat([0, 1, 2], 36)
    graph = graphs.consecutive_graph(points, sections, [0, 1, 2], k=1, furthest=10)
    edges = graph.tocoo()
    assert graph.nnz == 2 * 72
    assert (edges.row % 36 == edges.col % 36).all()
    assert (np.abs(sections[edges.row] - sections[edges.col]) == 1).all()


def test_mutual_neighbours_are_mutual():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(40, 4)) * 5
    features = np.vstack([shared, shared + 0.01, rng.normal(size=(10, 4)) + 100])
    sections = np.repeat([0, 1], [40, 50])
    edges = graphs.mutual_graph(features, sections, k=1).tocoo()
    assert len(edges.row) >= 60
    upper = edges.row < edges.col
    assert (edges.col[upper] - edges.row[upper] == 40).all()


def test_tiles_cover_each_spot_once_with_all_it_reaches():
    points = np.vstack([hexagonal(20), hexagonal(10)])
    sections = np.repeat([0, 1], [400, 100])
    graph = graphs.ring_graph(points, sections)
    cut = list(graphs.tiles(graph, points, sections, size=120, halo=2))
    cores = np.concatenate([tile.spots[: tile.n_core] for tile in cut])
    assert sorted(cores) == list(range(500))
    assert len(cut) == 5
    features = np.random.default_rng(0).normal(size=(500, 3))
    operator = graphs.row_mean(graphs.with_self(graph))
    whole = operator @ (operator @ features)
    for tile in cut:
        # Degrees at the rim of the halo are short, but two layers never see them.
        local = operator[tile.spots][:, tile.spots]
        found = local @ (local @ features[tile.spots])
        core = tile.spots[: tile.n_core]
        np.testing.assert_allclose(found[: tile.n_core], whole[core])
        assert tile.n_core <= 120


def test_normalisations_leave_isolated_spots_empty():
    graph = sp.csr_matrix(np.array([[0, 2, 0], [2, 0, 0], [0, 0, 0.0]]))
    for norm in (graphs.row_mean, graphs.symmetric_norm):
        dense = norm(graph).toarray()
        np.testing.assert_allclose(dense, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize("stated", [np.nan, 0, -1.0, "wide"])
def test_a_scale_that_is_no_scale_is_refused(tissue, stated):
    tissue.uns["spatial"]["S1"]["scalefactors"]["microns_per_pixel"] = stated
    with pytest.raises(ContractError, match="microns per full-resolution pixel"):
        graphs.positions_microns(tissue)


def test_a_scale_may_be_text_as_files_have_it(tissue):
    expected = graphs.positions_microns(tissue)
    factors = tissue.uns["spatial"]["S1"]["scalefactors"]
    factors["microns_per_pixel"] = str(factors["microns_per_pixel"])
    np.testing.assert_array_equal(graphs.positions_microns(tissue), expected)
