"""What Python hands to R keeps its values, or is refused by name; no R needed."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge.contract import ContractError
from histobridge.interop.columns import column_parts, fitting, odd
from histobridge.interop.files import read_h5ad, write_h5ad
from histobridge.interop.matrices import frame_values, refuse_too_many, sparse_parts
from histobridge.interop.objects import x_name
from histobridge.interop.pictures import loaded
from histobridge.interop.values import misfits, scalar


def test_whole_numbers_are_doubles_where_r_has_no_integers():
    assert [type(scalar(v)) for v in (7, 2**31 - 1, True)] == [int, int, bool]
    assert scalar(2**31) == 2.0**31 and isinstance(scalar(2**31), float)
    assert isinstance(scalar(np.int64(-(2**31))), float)
    beyond = pd.Series([2**53 + 1, 0], name="id")
    assert odd(beyond) == "whole numbers beyond 2^53"
    with pytest.raises(hb.ContractError, match=r"column 'id'.*beyond"):
        column_parts(beyond)
    assert odd(pd.Series([2**53, None], dtype="Int64")) is None
    assert odd(pd.Series([2**64 - 1], dtype="uint64"))
    assert misfits({"a": [2**60], "b": 1}, "u") == ["u['a'] (" + odd(beyond) + ")"]


def test_columns_without_a_type_in_r_are_found_by_place():
    table = pd.DataFrame({"a": [1, 2], "b": [1, "x"], "c": [True, None]})
    table.columns = ["k", "k", "c"]
    assert list(fitting(table)) == ["k", "c"]
    assert fitting(table[["c"]]).equals(table[["c"]])


def test_frames_of_several_types_are_doubles_together():
    table = pd.DataFrame({"f": [True, False], "x": [0.5, np.nan]})
    np.testing.assert_array_equal(frame_values(table), [[1, 0.5], [0, np.nan]])
    assert frame_values(table[["f"]]).dtype == bool
    assert frame_values(table[["x"]][:0]).dtype == float
    masked = pd.DataFrame({"n": pd.array([1, None], dtype="Int64")})
    np.testing.assert_array_equal(frame_values(masked), [[1], [np.nan]])


def test_images_that_8_bits_have_no_room_for_are_refused():
    deep = np.full((2, 2, 3), 256, dtype=np.uint16)
    with pytest.raises(hb.ContractError, match=r"8 bits.*uint16 up to 256"):
        loaded(deep)
    with pytest.raises(hb.ContractError, match="channels; found one of 7"):
        loaded(np.zeros((2, 2, 7), dtype=np.uint8))
    assert loaded(deep - 1).max() == 255


def test_x_is_not_named_like_a_layer():
    adata = anndata.AnnData(np.eye(2))
    adata.uns["X_name"] = "counts"
    assert x_name(adata) == "counts"
    adata.layers["counts"] = np.eye(2)
    assert x_name(adata) == "X"


@pytest.mark.parametrize("part", ["layers", "obsm", "varm", "obsp", "varp"])
def test_a_slash_in_any_key_is_refused_before_the_file_is_spoilt(part, tmp_path):
    adata = anndata.AnnData(np.eye(2))
    getattr(adata, part)["a/b"] = np.eye(2)
    path = tmp_path / "x.h5ad"
    with pytest.raises(hb.ContractError, match=f"keys of {part} without slash"):
        write_h5ad(adata, str(path))
    assert not path.exists()


def test_nested_tables_keep_times_and_order(tmp_path):
    inner = anndata.AnnData(np.eye(2))
    inner.obs["when"] = pd.to_datetime(["2024-02-29", None]).astype("datetime64[us]")
    table = pd.DataFrame({"when": inner.obs["when"].array, "n": [1, 2]})
    table.index = table.index.astype(str)
    inner.uns = {"z": 1, "a": {}, "table": table}
    adata = anndata.AnnData(np.eye(2), uns={"altExps": {"tags": inner}})
    path = str(tmp_path / "x.h5ad")
    write_h5ad(adata, path)
    back = read_h5ad(path).uns["altExps"]["tags"]
    pd.testing.assert_series_equal(back.obs["when"], inner.obs["when"])
    assert list(back.uns) == ["z", "a", "table"]
    pd.testing.assert_frame_equal(back.uns["table"], table)


def test_more_values_than_r_can_number_are_refused():
    refuse_too_many(2**31 - 1)
    with pytest.raises(ContractError, match="at most 2,147,483,647 stored values"):
        refuse_too_many(2**31)


@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_positions_are_checked_before_r_reads_them(kind):
    good = sp.random(5, 7, 0.5, format=kind, random_state=0)
    parts = sparse_parts(good)
    assert parts["rows"] == (kind == "csc")
    assert parts["nnz"] == good.nnz
    empty = sparse_parts(sp.csr_matrix((0, 7)))
    assert empty["nnz"] == 0
    for position in (-1, 7):
        bad = good.copy()
        bad.indices[0] = position
        with pytest.raises(ContractError, match="positions outside of it"):
            sparse_parts(bad)


def test_duplicates_are_added_up_on_the_way_and_the_source_is_kept():
    twice = sp.csr_matrix(([1.0, 2.0], [1, 1], [0, 2]), shape=(1, 3))
    assert list(sparse_parts(twice)["x"]) == [3.0]
    assert twice.nnz == 2
