"""Blocks of the integration networks, and regressions of published mistakes."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch.nn import functional

from histobridge import graphs
from histobridge.integration.features import augmented, hop_means
from histobridge.integration.networks import losses
from histobridge.integration.networks.attention import AttentionAutoencoder
from histobridge.integration.networks.convolution import SpatialInfomax
from histobridge.integration.networks.layers import GraphAttention, reversed_gradient
from histobridge.integration.networks.operators import Batch, Sparse, tensors
from histobridge.integration.networks.variational import VariationalGraph
from histobridge.integration.systems.harmonizr import combat, combat_by_pattern
from histobridge.integration.systems.pearlst import folded_diffusion

GRAPH = sp.random(30, 30, 0.2, "csr", np.float32, np.random.default_rng(0)) + sp.eye(30)


def test_sparse_products_have_the_gradients_of_dense_ones():
    graph = Sparse(GRAPH)
    x = torch.randn(30, 4, requires_grad=True)
    values = graph.values.clone().requires_grad_()
    found = graph.weighted(values, x)
    dense = torch.zeros(30, 30).index_put((graph.rows, graph.columns), values)
    assert torch.allclose(found, dense @ x, atol=1e-5)
    weight = torch.randn(30, 4)
    ours = torch.autograd.grad((found * weight).sum(), (values, x))
    theirs = torch.autograd.grad(((dense @ x) * weight).sum(), (values, x))
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_attention_sums_to_one_over_the_neighbours():
    graph = Sparse(GRAPH)
    for squash in ("sigmoid", "leaky"):
        weight = GraphAttention(5, squash)(torch.randn(30, 5), graph)
        total = torch.zeros(30).index_add(0, graph.rows, weight)
        assert torch.allclose(total, torch.ones(30), atol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
def test_the_tied_error_is_that_of_the_reconstruction(sparse):
    x, hidden = torch.randn(30, 40), torch.randn(30, 7)
    weight = torch.randn(40, 7)
    given = Sparse(sp.csr_matrix(x.numpy())) if sparse else x
    square = (x**2).sum()[None]
    found = losses.tied_error(given, hidden, given @ weight, weight, square)
    expected = functional.mse_loss(hidden @ weight.T, x)
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


def test_sparse_and_dense_genes_train_alike():
    x = sp.random(30, 60, 0.2, "csr", np.float32, np.random.default_rng(1))
    results = []
    for genes in (x, x.toarray()):
        torch.manual_seed(0)
        model = AttentionAutoencoder(60, 8, 3)
        square = np.array([x.power(2).sum()])
        given = tensors({"x": genes, "graph": GRAPH, "square": square})
        loss = model.loss(Batch(given, 0))
        loss.backward()
        results.append((loss.item(), model.first.grad))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-4)
    assert torch.allclose(results[0][1], results[1][1], atol=1e-5)


def test_sampled_non_edges_are_no_edges_and_everything_alike_is_no_solution():
    # DeepST and its relatives forget non-edges: all spots alike would be perfect.
    graph = Sparse(sp.csr_matrix(np.kron(np.eye(5), np.ones((6, 6)))))
    alike = torch.full((30, 2), 3.0)
    apart = 4 * torch.eye(5).repeat_interleave(6, dim=0)
    torch.manual_seed(0)
    assert losses.edge_error(alike, graph, negatives=False) < 1e-3
    assert losses.edge_error(alike, graph) > 5
    assert losses.edge_error(apart, graph) < 0.8


def variational(**settings):
    torch.manual_seed(0)
    weights = {"error": 1.0, "graph": 0.0, "sections": 1.0}
    return VariationalGraph(
        4, (6, 3), 5, 2, weights=weights, dropout=0.0, n_sections=2, **settings
    )


def test_what_is_masked_is_hidden_unless_as_published():
    # SEDR adds its token to the input and hides nothing.
    x = np.random.default_rng(0).normal(size=(30, 4))
    near = sp.eye(30, format="csr")
    inputs = tensors(
        {"x": x, "graph": near, "edges": GRAPH, "sections": np.arange(30) % 2}
    )
    for as_published in (False, True):
        model = variational(mask=1.0, as_published=as_published)
        seen = []
        hook = model.encoder.register_forward_hook(lambda m, i, o, s=seen: s.append(i))
        model.loss(Batch(inputs, 0))
        hook.remove()
        (shown,) = seen[0]
        assert (shown.std(dim=0) > 0).all().item() is as_published


def test_the_published_adversary_has_no_lower_bound():
    # ResST rewards a classifier for being as wrong as can be.
    z = torch.randn(30, 5)
    batch = {"sections": torch.arange(30) % 2}
    for as_published in (False, True):
        model = variational(as_published=as_published)
        wrong = torch.where(batch["sections"] == 0, -1.0, 1.0)
        values = []
        for size in (1.0, 100.0):
            score = torch.stack([wrong, -wrong], dim=1) * size
            model.sections.forward = lambda z, score=score: score
            values.append(model._adversary(batch, z).item())
        assert (values[1] < values[0] - 100) is as_published


def test_the_spatial_penalty_is_more_than_nothing():
    # SpaceFlow's accelerated path compares a subset with itself.
    torch.manual_seed(0)
    points = np.random.default_rng(0).random((30, 2))
    given = tensors(
        {
            "x": np.random.default_rng(1).normal(size=(30, 4)),
            "graph": GRAPH,
            "points": points,
            "sections": np.zeros(30, dtype=int),
        }
    )
    model = SpatialInfomax(4, 3, penalty=1.0)
    gradients = []
    for penalty in (0.0, 1.0):
        model.penalty = penalty
        torch.manual_seed(1)
        model.zero_grad()
        model.loss(Batch(given, 0)).backward()
        gradients.append(model.second.weight.grad.clone())
    assert (gradients[0] - gradients[1]).abs().max() > 1e-4


def test_the_published_diffusion_depends_on_the_order_of_genes():
    genes = np.random.default_rng(0).normal(size=(5, 120))
    order = np.random.default_rng(1).permutation(120)
    blurred = folded_diffusion(genes)
    np.testing.assert_allclose(blurred.sum(), genes.sum())
    assert not np.allclose(folded_diffusion(genes[:, order]), blurred[:, order])


def test_gradients_are_reversed():
    x = torch.ones(3, requires_grad=True)
    reversed_gradient(x, 2.0).sum().backward()
    assert (x.grad == -2).all()


def test_triplets_take_their_stranger_from_the_same_section():
    sections = torch.tensor([0, 0, 0, 1, 1, 1])
    z = torch.tensor([[0.0], [9.0], [9.0], [0.0], [9.0], [9.0]])
    pairs = Sparse(sp.csr_matrix(([1.0, 1.0], ([0, 3], [3, 0])), shape=(6, 6)))
    torch.manual_seed(0)
    assert losses.triplet_error(z, pairs, sections) <= 1.0
    none = Sparse(sp.csr_matrix((6, 6)))
    assert losses.triplet_error(z, none, sections) == 0


def test_clusters_sharpen():
    torch.manual_seed(0)
    z = torch.randn(60, 2) * 0.3 + 3 * torch.eye(2).repeat(30, 1)
    clusters = losses.DeepClusters(2, 2, start=1, every=5)
    assert clusters(z, Batch({}, 0)) == 0
    assert clusters(z, Batch({}, 1)) > 0
    label = clusters.assignment(z).argmax(dim=1)
    assert len(set(label[::2].tolist())) == len(set(label[1::2].tolist())) == 1


def test_contrast_prefers_equal_views_and_spares_its_group():
    torch.manual_seed(0)
    one = torch.randn(40, 8)
    equal = losses.neighbour_contrast(one, one, None, 0.5)
    other = losses.neighbour_contrast(one, torch.randn(40, 8), None, 0.5)
    assert equal < other
    alike = losses.neighbour_contrast(one, one, None, 0.5, torch.zeros(40).long())
    assert alike < equal


def test_hops_are_means_over_spots_first_reached_there():
    points = np.column_stack([np.arange(7.0), np.zeros(7)])
    line = graphs.symmetric(graphs.knn_graph(points, np.zeros(7), 1))
    line = sp.csr_matrix(np.eye(7, k=1) + np.eye(7, k=-1))
    x = np.arange(7.0)[:, None] ** 2
    found = hop_means(x, line, 3)
    np.testing.assert_allclose(found[3], [9, (4 + 16) / 2, (1 + 25) / 2, (0 + 36) / 2])
    np.testing.assert_allclose(found[0], [0, 1, 4, 9])


def test_augmentation_adds_the_weighted_mean_of_neighbours():
    x = np.array([[1.0], [2.0], [4.0]])
    weights = sp.csr_matrix(np.array([[0, 0.5, 1.0], [0, 0, 0], [1.0, 0, 0]]))
    np.testing.assert_allclose(augmented(x, weights, 1.0)[:, 0], [3.5, 2.0, 5.0])


def test_combat_removes_section_effects_and_imputes_nothing():
    rng = np.random.default_rng(0)
    batches = np.arange(200) % 2
    signal = rng.normal(size=(200, 30)) + 3
    spoilt = np.where(batches[:, None] == 1, 2 * signal + 1, signal)
    found = combat(spoilt, batches)
    apart = [
        np.abs(x[batches == 0].mean(axis=0) - x[batches == 1].mean(axis=0)).mean()
        for x in (spoilt, found)
    ]
    assert apart[1] < 0.1 * apart[0]
    ratio = found[batches == 1].std(axis=0) / found[batches == 0].std(axis=0)
    assert ratio.mean() == pytest.approx(1, abs=0.15)
    spoilt[batches == 1, :10] = 0
    pattern = combat_by_pattern(spoilt, batches)
    assert (pattern[batches == 1, :10] == 0).all()
    assert pattern[batches == 0, :10].std() > 0.5
    np.testing.assert_allclose(
        pattern[:, 10:], combat(spoilt[:, 10:], batches), atol=1e-9
    )
