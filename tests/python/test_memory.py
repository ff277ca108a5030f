"""Sparse only: no array of spots x spots, whatever the verb."""

import tracemalloc

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge import graphs
from histobridge.deconvolution import priors
from histobridge.evaluation.audit import audit_split
from histobridge.splits import SpatialBlockKFold

SPOTS = 3000


@pytest.fixture
def many():
    """3,000 spots of two types in two halves, 40 genes."""
    rng = np.random.default_rng(0)
    column, row = np.divmod(np.arange(SPOTS), 50)
    rate = rng.gamma(2, 1, (2, 40))
    kind = (column > 30).astype(int)
    counts = sp.csr_matrix(rng.poisson(3 * rate[kind]).astype(float))
    adata = ad.AnnData(counts, obs=pd.DataFrame(index=[f"s{i}" for i in range(SPOTS)]))
    adata.obsm["spatial"] = np.column_stack([column, row]) * 100.0
    adata.obs["kind"] = kind.astype(str)
    return adata


@pytest.fixture
def no_square(monkeypatch):
    """Make every way to allocate spots x spots in NumPy fail; SciPy's toarray too."""

    def guarded(name):
        make = getattr(np, name)

        def guard(shape, *arguments, **settings):
            side = shape if name in ("eye", "identity") else np.atleast_1d(shape)
            sides = [side, side] if np.ndim(side) == 0 else list(side)
            if sum(s >= SPOTS for s in sides) >= 2:
                raise MemoryError(f"np.{name}({shape}) is spots x spots")
            return make(shape, *arguments, **settings)

        monkeypatch.setattr(np, name, guard)

    for name in ("zeros", "ones", "empty", "full", "eye", "identity"):
        guarded(name)


def test_the_guard_guards(no_square):
    with pytest.raises(MemoryError):
        np.zeros((SPOTS, SPOTS))
    with pytest.raises(MemoryError):
        sp.identity(SPOTS, format="csr").toarray()
    assert np.eye(3).sum() == 3


def test_domains_allocate_no_square(many, no_square):
    tracemalloc.start()
    hb.find_domains(many, 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # One square would be 72 MB; Ward's pairs of the capped start are half of one.
    assert peak < 8 * SPOTS**2
    assert pd.crosstab(many.obs["domain"], many.obs["kind"]).max().sum() > 0.98 * SPOTS


def test_graphs_splits_and_audit_allocate_no_square(many, no_square):
    tracemalloc.start()
    train, test = next(SpatialBlockKFold(3).split(many))
    audit_split(many, train, test)
    priors.spatial_graph(many)
    graphs.neighbour_mean(np.ones((SPOTS, 3)), many.obsm["spatial"], np.zeros(SPOTS), 9)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6


def test_deconvolution_allocates_no_square(many, no_square):
    cells = many[::20].copy()
    cells.obs["cell_type"] = cells.obs["kind"]
    hb.deconvolve(many, cells, graph="spatial")
    found = many.obsm["proportions"].to_numpy().argmax(axis=1)
    assert (found == many.obs["kind"].astype(int)).mean() > 0.98


def test_graphs_join_no_two_sections():
    points = np.random.default_rng(0).random((90, 2))
    sections = np.arange(90) % 3
    graph = graphs.knn_graph(points, sections, 6).tocoo()
    assert (sections[graph.row] == sections[graph.col]).all()
    assert (graph.row != graph.col).all()
    assert graph.nnz == 90 * 6


def test_a_lone_spot_has_a_graph_without_nan():
    points, sections = np.zeros((4, 2)), np.array([0, 0, 0, 1])
    points[:3] = [[0, 0], [1, 0], [0, 1]]
    laplacian = graphs.laplacian(
        graphs.symmetric(graphs.knn_graph(points, sections, 6))
    ).toarray()
    assert np.isfinite(laplacian).all()
    assert (laplacian[3] == 0).all()
    mean = graphs.neighbour_mean(np.eye(4), points, sections, 5)
    np.testing.assert_allclose(mean[3], np.eye(4)[3])
    np.testing.assert_allclose(mean[0], [1 / 3, 1 / 3, 1 / 3, 0])
