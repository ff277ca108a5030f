"""R objects in a Python session: real R, real packages of Bioconductor."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import histobridge as hb
from histobridge.interop import functions
from histobridge.interop.differences import changed_keys, same


@pytest.fixture(scope="module")
def r():
    """Evaluate R code; skipped where R, rpy2 or the R package is missing."""
    from histobridge.interop.session import namespace

    try:
        namespace()
    except hb.ContractError as error:
        pytest.skip(str(error))
    import rpy2.robjects as ro

    return ro.r


def needs(r, package: str) -> None:
    if not r(f'nzchar(system.file(package = "{package}"))')[0]:
        pytest.skip(f"the R package {package} is not installed")


def make(n: int = 6, genes: int = 4, sections: int = 2) -> anndata.AnnData:
    """Spots of several sections with an image each, and every part in use."""
    spots = [f"spot{i}é" for i in range(n)]
    counts = sp.csr_matrix(np.arange(n * genes, dtype=float).reshape(n, genes) % 5)
    samples = [f"s{i % sections}" for i in range(n)]
    adata = anndata.AnnData(
        counts,
        obs=pd.DataFrame({"sample_id": samples}, index=pd.Index(spots, dtype=object)),
        var=pd.DataFrame(index=[f"gene_{i}" for i in range(genes)]),
    )
    adata.layers["scaled"] = np.arange(n * genes, dtype=float).reshape(n, genes) / 7
    adata.obsm["spatial"] = np.arange(2 * n, dtype=float).reshape(n, 2)
    adata.obsm["X_pca"] = np.arange(3 * n, dtype=float).reshape(n, 3) / 3
    adata.varm["PCs"] = np.ones((genes, 3)) / 3
    adata.obsp["graph"] = sp.eye(n, format="csr")
    adata.uns["spatial"] = {
        f"s{i}": {
            "images": {"hires": np.full((3, 4, 3), 7 + i, dtype=np.uint8)},
            "scalefactors": {"tissue_hires_scalef": 0.25},
            "metadata": {},
        }
        for i in range(sections)
    }
    adata.uns["nested"] = {"deep": {"k": 1, "texts": np.array(["a", "b"], object)}}
    return adata


def test_an_anndata_is_a_spatial_experiment_and_comes_back(r):
    adata = make()
    x = hb.interop.to_r(adata)
    assert x.rclass[0] == "SpatialExperiment"
    import rpy2.robjects as ro

    ro.globalenv["x"] = x
    assert list(r("SummarizedExperiment::assayNames(x)")) == ["counts", "scaled"]
    assert list(r("SpatialExperiment::imgData(x)$sample_id")) == ["s0", "s1"]
    assert list(r("SpatialExperiment::spatialCoords(x)[2, ]")) == [2, 3]
    back = hb.interop.from_r(x)
    parts = ("X", "obs", "var", "layers", "obsm", "varm", "obsp", "uns")
    for part in parts:
        old, new = getattr(adata, part), getattr(back, part)
        if part in ("X", "obs", "var"):
            assert same(old, new), part
        else:
            assert not changed_keys(new, old), part
            assert set(new) - set(old) <= {"X_name", "r_object"}


def test_memory_of_r_is_shared_and_read_only(r):
    back = hb.interop.from_r(r("HistoBridge::exampleMixture()"))
    assert not back.X.data.flags.writeable
    assert back.X.data.base is not None
    with pytest.raises(ValueError, match="read-only"):
        back.X.data[0] = 1
    assert back.copy().X.data.flags.writeable
    route = r("HistoBridge::bridgeRoute()")
    assert route[0].startswith("shared")


@pytest.mark.parametrize("r_class", ["SingleCellExperiment", "Seurat"])
def test_other_classes_name_what_they_cannot_hold(r, r_class):
    if r_class == "Seurat":
        needs(r, "Seurat")
    adata = make()
    if r_class == "SingleCellExperiment":
        with pytest.raises(hb.ContractError, match=r'obsm\["spatial"\]'):
            hb.interop.to_r(adata, r_class)
    x = hb.interop.to_r(adata, r_class, strict=False)
    assert x.rclass[0] == r_class
    back = hb.interop.from_r(x)
    np.testing.assert_array_equal(back.X.toarray(), adata.X.toarray())


def test_a_summarized_experiment_and_a_seurat_object_become_anndata(r):
    x = r(
        "SummarizedExperiment::SummarizedExperiment(list(logcounts = matrix("
        "1:6 / 2, 2, dimnames = list(c('a', 'b'), c('x', 'y', 'z')))))"
    )
    adata = hb.interop.from_r(x)
    np.testing.assert_array_equal(adata.X, [[0.5, 1], [1.5, 2], [2.5, 3]])
    needs(r, "Seurat")
    x = r(
        "HistoBridge::asSeurat(HistoBridge::asAnnData(HistoBridge::exampleReference()))"
    )
    adata = hb.interop.from_r(x)
    assert isinstance(adata.obs["cell_type"].iloc[0], str)


def test_refusals_are_contract_errors(r):
    adata = make()
    with pytest.raises(hb.ContractError, match="a class of R objects"):
        hb.interop.to_r(adata, "matrix")
    adata.uns["odd"] = object()
    with pytest.raises(hb.ContractError, match=r'uns\["odd"\]'):
        hb.interop.to_r(adata)
    with pytest.raises(hb.ContractError, match="class numeric"):
        hb.interop.from_r(r("1.5"))
    twice = r(
        "SummarizedExperiment::SummarizedExperiment(list(counts = matrix("
        "1:4, 2, dimnames = list(c('a', 'a'), c('x', 'y')))))"
    )
    with pytest.raises(hb.ContractError, match='repeated "a"'):
        hb.interop.from_r(twice)
    with pytest.raises(hb.ContractError, match="package::function"):
        hb.interop.call("system('ls'); base::sum", adata)
    with pytest.raises(hb.ContractError, match="none that is installed"):
        hb.interop.call("nowhere::sum", adata)


def test_the_converter_adds_to_those_of_anndata2ri(r):
    import anndata2ri
    import rpy2.robjects as ro
    from rpy2.robjects.conversion import localconverter

    adata = make()
    rules = ro.default_converter + anndata2ri.converter + hb.interop.converter
    with localconverter(rules):
        ro.globalenv["x"] = adata
        assert list(r("class(x)")) == ["SpatialExperiment"]
        back = r("x")
        assert isinstance(r("S4Vectors::DataFrame(a = 1:2)"), pd.DataFrame)
        assert sp.issparse(r("Matrix::Diagonal(2)"))
    assert isinstance(back, anndata.AnnData)
    np.testing.assert_array_equal(back.obsm["spatial"], adata.obsm["spatial"])


def test_results_of_scuttle_and_scran_are_grafted(r):
    for package in ("scuttle", "scran"):
        needs(r, package)
    adata = hb.data.example_mixture()
    before = adata.copy()
    done = hb.interop.call("scuttle::logNormCounts", adata)
    assert same(adata.X, before.X) and list(adata.layers) == []
    depth = np.asarray(adata.X.sum(axis=1)).ravel()
    factors = depth / depth.mean()
    np.testing.assert_allclose(done.obs["sizeFactor"], factors)
    expected = np.log2(adata.X.toarray() / factors[:, None] + 1)
    np.testing.assert_allclose(done.layers["logcounts"].toarray(), expected)
    assert done.layers["logcounts"].data.flags.writeable
    assert list(done.obsm) == list(before.obsm) and same(done.X, before.X)
    quality = hb.interop.call("scuttle::perCellQCMetrics", adata)
    np.testing.assert_array_equal(quality["sum"], depth)
    assert list(quality.index) == list(adata.obs_names)
    variances = hb.interop.call("scran::modelGeneVar", done)
    assert {"bio", "FDR"} < set(variances) and len(variances) == done.n_vars
    top = hb.interop.call("scran::getTopHVGs", done, n=5)
    assert set(top) == set(variances["bio"].nlargest(5).index)
    few = hb.interop.call("scran::modelGeneVar", done, **{"subset.row": list(top)})
    assert set(few.index) == set(top)


def test_results_of_seurat_are_grafted(r):
    needs(r, "Seurat")
    adata = make(n=20, genes=12)
    done = hb.interop.call("Seurat::NormalizeData", adata, verbose=False)
    depth = np.asarray(adata.X.sum(axis=1))
    np.testing.assert_allclose(
        done.layers["data"].toarray(), np.log1p(adata.X.toarray() / depth * 1e4)
    )
    assert set(done.var_names) == set(adata.var_names)
    done = hb.interop.call(
        "Seurat::FindVariableFeatures", done, nfeatures=3, verbose=False
    )
    ranks = done.var["vf_vst_counts_rank"]
    assert ranks.notna().sum() == 3
    assert "images" in done.uns["spatial"]["s0"]


def test_another_shape_or_a_value_is_returned_as_such(r):
    adata = make()
    assert same(hb.interop.call("base::identity", adata).obs, adata.obs)
    few = hb.interop.call("BiocGenerics::subset", adata, select=[True, False] * 3)
    assert list(few.obs_names) == list(adata.obs_names[::2])
    assert hb.interop.call("base::inherits", adata, "SpatialExperiment") is True
    kept = hb.interop.call("base::identity", adata, copy=False)
    assert kept is adata
    needs(r, "scuttle")
    numbers = hb.interop.call("scuttle::librarySizeFactors", adata)
    assert list(numbers.index) == list(adata.obs_names)
    assert hb.interop.call("base::class", adata)[0] == "SpatialExperiment"
    assert hb.interop.call("SummarizedExperiment::rowRanges", adata).rclass


_VALUES = {
    "number": 2,
    "fraction": 2.5,
    "text": "é",
    "none": None,
    "flag": True,
    "integers": np.array([1, 2], dtype=np.int32),
    "texts": np.array(["a", None], dtype=object),
    "flags": pd.array([True, None], dtype="boolean"),
    "dict": {"k": 1.5, "deep": {"l": "x"}},
    "matrix": np.array([[1.0, 2], [3, 4]]),
    "sparse": sp.csr_matrix(np.eye(2)),
    "ordered": pd.Categorical(["b", "a", None], ["b", "a"], ordered=True),
    "frame": pd.DataFrame({"a": [1.5, 2], "b": ["x", None]}, index=["r1", "r2"]),
    "series": pd.Series([1.5, 2.0], index=["a", "b"]),
}


@pytest.mark.parametrize("kind", _VALUES)
def test_arguments_and_values_come_back(r, kind):
    value = _VALUES[kind]
    back = functions._value(functions._argument(value), strict=True)
    if kind == "sparse":
        assert (back != value).nnz == 0
    elif kind == "series":
        np.testing.assert_array_equal(back, value)
    else:
        assert same(back, value), back


def test_what_python_has_no_form_for_stays_an_r_object(r):
    assert functions._value(r("sum"), strict=True).rclass[0] == "function"
    with pytest.raises(hb.ContractError, match="result\\$f"):
        functions._value(r("list(f = sum, k = 1)"), strict=True)
    assert functions._value(r("list(f = sum, k = 1)"), strict=False) == {"k": 1}
    nested = r("S4Vectors::DataFrame(a = 1:2, b = I(list(1, 2)))")
    with pytest.raises(hb.ContractError, match='column "b"'):
        functions._value(nested, strict=True)
    assert list(functions._value(nested, strict=False)) == ["a"]


# Every dtype that R has a vector for, with and without missing values.
_COLUMNS = {
    "logical": st.booleans(),
    "integer": st.integers(-(2**31) + 1, 2**31 - 1),
    "double": st.floats(allow_nan=True),
    "character": st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5),
    "factor": st.sampled_from(["b", "a", "é"]),
    "ordered": st.sampled_from(["low", "high"]),
    "time": st.integers(-(2**33), 2**33),
}


def _column(kind: str, values: list) -> object:
    if kind == "logical":
        return pd.array(values, dtype="boolean" if None in values else bool)
    if kind == "integer":
        return pd.array(values, dtype="Int32" if None in values else "int32")
    if kind == "double":
        return np.array([np.nan if v is None else v for v in values], dtype=float)
    if kind == "character":
        return np.array(values, dtype=object)
    if kind == "time":
        stamps = [pd.NaT if v is None else pd.Timestamp(v, unit="s") for v in values]
        return pd.DatetimeIndex(stamps, tz="UTC").as_unit("us").array
    levels = ["low", "high"] if kind == "ordered" else ["b", "é", "a"]
    return pd.Categorical(values, levels, ordered=kind == "ordered")


@st.composite
def tables(draw):
    rows = draw(st.sampled_from([0, 1, 5]))
    missing = draw(st.sampled_from(["none", "some", "all"]))
    columns = {}
    for kind, values in _COLUMNS.items():
        drawn = draw(st.lists(values, min_size=rows, max_size=rows))
        gone = {"none": [], "some": range(0, rows, 2), "all": range(rows)}[missing]
        columns[kind] = _column(
            kind, [None if i in gone else v for i, v in enumerate(drawn)]
        )
    index = pd.Index([f"s{i}" for i in range(rows)], dtype=object)
    return pd.DataFrame(columns, index=index)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(table=tables())
def test_every_column_type_comes_back_through_r(r, table):
    adata = anndata.AnnData(sp.csr_matrix((len(table), 2)), obs=table)
    back = hb.interop.from_r(hb.interop.to_r(adata))
    for name in table:
        assert back.obs[name].dtype == table[name].dtype, name
        pd.testing.assert_series_equal(back.obs[name], table[name])


def test_importing_interop_starts_no_r():
    code = (
        "import sys, histobridge as hb; dir(hb.interop); print('rpy2' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert answer.stdout.strip() == "False", answer.stderr


def test_without_rpy2_the_error_says_what_to_install():
    code = textwrap.dedent("""
        import sys
        from importlib import util
        find = util.find_spec
        util.find_spec = lambda name, *a: None if name == "rpy2" else find(name, *a)
        import anndata, numpy as np, histobridge as hb
        try:
            hb.interop.to_r(anndata.AnnData(np.eye(2)))
        except hb.ContractError as error:
            print(error)
    """)
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert "pip install 'histobridge[r]'" in answer.stdout, answer.stderr
