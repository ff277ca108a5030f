"""No integration system and no graph allocates spots x spots, in NumPy or in torch."""

import inspect
import tracemalloc

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import histobridge as hb
from histobridge import graphs, registry
from histobridge.integration import mixture, neural

N = 1200
TABLE = hb.list_systems("domains")
SYSTEMS = list(TABLE["name"][TABLE["status"] != "baseline"])


class NoSquare(TorchDispatchMode):
    """Fail where any operation of torch makes a dense tensor with spots twice."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            dense = isinstance(leaf, torch.Tensor) and leaf.layout == torch.strided
            if dense and sum(side >= N for side in leaf.shape) > 1:
                raise MemoryError(f"{function} made {tuple(leaf.shape)}")
        return out


def peak(work):
    """Most bytes that NumPy and SciPy held at once during ``work``."""
    tracemalloc.start()
    try:
        with NoSquare():
            work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def check(work):
    """Fail where memory is that of spots x spots: much, and four times at twice."""
    half, whole = peak(lambda: work(N // 2)), peak(lambda: work(N))
    if whole > 4 * N**2 and whole > 3 * half:
        raise MemoryError(f"{half / 1e6:.0f} MB, at twice the spots {whole / 1e6:.0f}")


def tissue(n):
    """Two sections of two halves, 40 genes, 4 image features."""
    rng = np.random.default_rng(0)
    column, row = np.divmod(np.arange(n), 40)
    half = (column > n // 80).astype(int)
    rate = rng.gamma(2, 1, (2, 40))
    adata = ad.AnnData(sp.csr_matrix(rng.poisson(3 * rate[half]).astype(np.float32)))
    adata.obs = pd.DataFrame(
        {"sample_id": np.where(row < 3, "S1", "S2")}, index=adata.obs_names
    )
    adata.obsm["spatial"] = np.column_stack([column, row]) * 100.0
    adata.obsm["morphology"] = half[:, None] + rng.normal(size=(n, 4))
    return adata


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Modules that systems import when they run are not what is measured."""
    for name in ("stagate", "lloki", "deepst"):
        registry.find(name, "domains").create(epochs=1).fit_predict(tissue(200), 2)


def test_the_guard_sees_numpy_scipy_and_torch():
    for square in (
        lambda n: np.ones((n, 1)) @ np.ones((1, n)),
        lambda n: sp.identity(n).toarray(),
        lambda n: torch.ones(n, 1) @ torch.ones(1, n),
        lambda n: torch.ones(n, 1).expand(n, n) * 2,
    ):
        with pytest.raises(MemoryError):
            check(square)
    check(lambda n: torch.ones(1, n) @ torch.ones(n, 1))
    check(lambda n: np.ones((n, 2000)))


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_system_allocates_a_square(name, monkeypatch):
    # The sample that starts Ward has all its pairs, whatever the number of spots.
    monkeypatch.setattr(mixture, "WARD_LIMIT", 200)
    monkeypatch.setattr(neural, "TILE", 10 * N)
    entry = registry.find(name, "domains")
    known = inspect.signature(entry.build).parameters
    short = {"epochs": 2, "sweeps": 2, "members": 1}
    params = {k: v for k, v in short.items() if k in known}
    data = {n: tissue(n) for n in (N // 2, N)}
    check(lambda n: entry.create(**params).fit_predict(data[n], 2))


def square_free_graphs(points, sections, features):
    """Every builder of the package, by name."""
    knn = graphs.knn_graph(points, sections, 6)
    return {
        "knn_graph": lambda: knn,
        "symmetric": lambda: graphs.symmetric(knn),
        "laplacian": lambda: graphs.laplacian(graphs.symmetric(knn)),
        "radius_graph": lambda: graphs.radius_graph(points, sections, 150.0),
        "ring_graph": lambda: graphs.ring_graph(points, sections, 2),
        "delaunay_graph": lambda: graphs.delaunay_graph(points, sections),
        "alpha_graph": lambda: graphs.alpha_graph(points, sections),
        "feature_graph": lambda: graphs.feature_graph(features, sections, 6),
        "mutual_graph": lambda: graphs.mutual_graph(features, sections, 6),
        "consecutive_graph": lambda: graphs.consecutive_graph(points, sections, [0, 1]),
        "gaussian_weights": lambda: graphs.gaussian_weights(knn, points, 90.0),
        "product_weights": lambda: graphs.product_weights(knn, [features]),
        "label_pruned": lambda: graphs.label_pruned(knn, sections),
        "strongest": lambda: graphs.strongest(knn, 2),
        "row_mean": lambda: graphs.row_mean(knn),
        "symmetric_norm": lambda: graphs.symmetric_norm(graphs.symmetric(knn)),
        "with_self": lambda: graphs.with_self(knn),
        "near_graph": lambda: graphs.near_graph(points, sections, 2, 8),
        "medoid_graph": lambda: graphs.medoid_graph(features, sections, 6),
    }


def test_no_graph_allocates_a_square():
    many = tissue(N)
    points, sections = graphs.positions_microns(many), graphs.section_codes(many)
    built = square_free_graphs(points, sections, many.obsm["morphology"])
    every = {name for name in graphs.__all__ if name.endswith("_graph")}
    assert every <= set(built)
    for name, build in built.items():
        assert peak(build) < 4 * N**2, name
        graph = build()
        assert sp.issparse(graph), name
        assert graph.nnz < 60 * N, name
