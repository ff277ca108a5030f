"""Matrices on disk: read by blocks where counts are needed, copied file to file."""

import anndata as ad
import h5py
import numpy as np
import pytest
import scipy.sparse as sp

import histobridge as hb
from histobridge import contract
from histobridge.contract import ContractError
from histobridge.interop.disk import backed_sparse, disk_place
from histobridge.interop.files import read_h5ad, write_h5ad

MATRICES = {
    "csr": lambda m: m,
    "csc": sp.csc_matrix,
    "dense": lambda m: m.toarray(),
    "integers": lambda m: m.toarray().astype(np.int32),
}


@pytest.fixture
def counts():
    return sp.random(30, 20, 0.2, "csr", random_state=0, data_rvs=lambda n: np.ones(n))


@pytest.mark.parametrize("form", MATRICES)
def test_counts_on_disk_are_the_counts(form, counts, tmp_path, monkeypatch):
    path = str(tmp_path / "a.h5ad")
    write_h5ad(ad.AnnData(MATRICES[form](counts), layers={"other": counts}), path)
    monkeypatch.setattr(contract, "_BLOCK_BYTES", 1000)
    adata = read_h5ad(path, backed=True)
    assert disk_place(adata.X)["path"] == path
    assert (sp.csr_matrix(contract.counts(adata)) != counts).nnz == 0
    assert (sp.csr_matrix(contract.counts(adata[3:9])) != counts[3:9]).nnz == 0
    copy = str(tmp_path / "b.h5ad")
    write_h5ad(adata, copy)
    again = ad.read_h5ad(copy)
    assert (sp.csr_matrix(again.X) != counts).nnz == 0
    assert (again.layers["other"] != counts).nnz == 0
    with pytest.raises(ContractError, match="other than the one that X is read from"):
        write_h5ad(adata, path)


def test_dense_counts_are_read_in_blocks_of_whole_chunks(tmp_path, monkeypatch):
    asked = []

    class Watched:
        def __init__(self, values):
            self.values, self.shape, self.dtype = values, values.shape, values.dtype
            self.chunks = (4, 20)

        def __getitem__(self, rows):
            asked.append(rows.stop - rows.start)
            return self.values[rows]

    values = np.arange(600.0).reshape(30, 20)
    monkeypatch.setattr(contract, "_BLOCK_BYTES", 10 * 20 * 8)
    read = contract.in_memory(Watched(values))
    np.testing.assert_array_equal(read.toarray(), values)
    assert asked == [8, 8, 8, 8]


def test_a_group_that_does_not_describe_itself_is_linked_not_copied(tmp_path, counts):
    path, beside = str(tmp_path / "tenx.h5"), str(tmp_path / "links.h5")
    with h5py.File(path, "w") as file:
        for vector in ("data", "indices"):
            file[f"matrix/{vector}"] = getattr(counts, vector)
        file["matrix/indptr"] = counts.indptr.astype(np.int64)
    backed = backed_sparse(path, "/matrix", counts.shape, "csr", beside)
    assert disk_place(backed) == {
        "path": path,
        "name": "/matrix",
        "layout": "csr",
        "shape": [30, 20],
    }
    with h5py.File(beside) as file:
        links = [file.get(name, getlink=True) for name in file]
    assert [type(link) for link in links] == [h5py.ExternalLink] * 3
    adata = ad.AnnData(backed)
    assert (contract.counts(adata) != counts).nnz == 0
    assert (contract.counts(adata) @ np.ones(20)).sum() == counts.sum()


def test_a_verb_finds_the_same_with_counts_on_disk(bulb, tmp_path):
    path = str(tmp_path / "bulb.h5ad")
    write_h5ad(bulb, path)
    backed = read_h5ad(path, backed=True)
    for adata in (bulb, backed):
        hb.find_domains(adata, 3, key_added="found")
    assert backed.obs["found"].equals(bulb.obs["found"])
