"""Matrices that stay in their HDF5 file while an AnnData, or R, holds them.

R's layouts and AnnData's are the same bytes: a dense dataset that R reads as
genes x spots is spots x genes to h5py, and a column-sparse group of genes x spots
(10x, TENxMatrix) is a CSR matrix of spots x genes. Nothing here reads values.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from histobridge.contract import ContractError

if TYPE_CHECKING:
    import h5py
    from anndata import AnnData

_VECTORS = ("data", "indices", "indptr")


def backed_dense(path: str, name: str) -> h5py.Dataset:
    """Dataset of spots x genes, open for reading."""
    import h5py

    return h5py.File(path, "r")[name]


def backed_sparse(
    path: str, name: str, shape: tuple[int, int], layout: str, beside: str
) -> Any:
    """AnnData's backed sparse matrix on a group of an HDF5 file.

    Parameters
    ----------
    path, name
        File and group; the group holds ``data``, ``indices`` and ``indptr``.
    shape
        Spots and genes.
    layout
        ``csr`` or ``csc``, of spots x genes.
    beside
        Path of a small file to make where the group does not describe itself as
        AnnData needs it. That file only links to the group.
    """
    import h5py
    from anndata.io import sparse_dataset

    group = h5py.File(path, "r")[name]
    rows, columns = shape
    shape = int(rows), int(columns)
    described = group.attrs.get("encoding-type") == f"{layout}_matrix"
    if described and tuple(group.attrs["shape"]) == shape:
        return sparse_dataset(group)
    with h5py.File(beside, "w") as file:
        for vector in _VECTORS:
            file[vector] = h5py.ExternalLink(path, f"{name}/{vector}")
        file.attrs["encoding-type"] = f"{layout}_matrix"
        file.attrs["encoding-version"] = "0.1.0"
        file.attrs["shape"] = shape
    return sparse_dataset(h5py.File(beside, "r"))


def is_backed(value: Any) -> bool:
    """Whether a matrix stays in an HDF5 file, as numbers.

    Truth values of h5py are an enumeration, which R's HDF5Array cannot read.
    """
    import h5py
    from anndata.abc import CSCDataset, CSRDataset

    if isinstance(value, h5py.Dataset):
        return value.ndim == 2 and value.dtype.kind in "iuf"
    sparse = isinstance(value, CSCDataset | CSRDataset)
    return sparse and value.backend == "hdf5" and value.dtype.kind in "iuf"


def disk_place(value: Any) -> dict[str, Any]:
    """File, name, layout and shape (spots, genes) of a backed matrix."""
    layout = getattr(value, "format", "dense")
    source = value if layout == "dense" else value.group
    place = {
        "path": source.file.filename,
        "name": source.name,
        "layout": layout,
        "shape": [int(n) for n in value.shape],
    }
    link: Any = source.get("data", getlink=True) if layout != "dense" else None
    if hasattr(link, "filename"):
        place |= {"path": link.filename, "name": link.path.rpartition("/")[0]}
    return place


def read_backed(path: str) -> AnnData:
    """Read an h5ad file, but leave ``X`` and the layers in it."""
    import anndata
    import h5py
    from anndata.io import read_elem

    file = h5py.File(path, "r")
    whole = {"obs", "var", "obsm", "varm", "obsp", "varp", "uns", "raw"} & set(file)
    layers = {key: _lazy(value) for key, value in file.get("layers", {}).items()}
    return anndata.AnnData(
        _lazy(file["X"]) if "X" in file else None,
        layers=layers,
        **{part: read_elem(file[part]) for part in whole},
    )


def _lazy(element: Any) -> Any:
    from anndata.io import read_elem, sparse_dataset

    sparse = element.attrs.get("encoding-type") in ("csr_matrix", "csc_matrix")
    matrix = sparse_dataset(element) if sparse else element
    return matrix if is_backed(matrix) else read_elem(element)


def backed_parts(adata: AnnData) -> dict[str, Any]:
    """Backed matrices by their name in an h5ad file."""
    parts = {"X": adata.X, **{f"layers/{k}": v for k, v in adata.layers.items()}}
    return {name: value for name, value in parts.items() if is_backed(value)}


def copy_backed(parts: dict[str, Any], path: str) -> None:
    """Let HDF5 itself copy backed matrices into an h5ad file."""
    import h5py

    with h5py.File(path, "r+") as file:
        for name, value in parts.items():
            if name in file:
                del file[name]
            if isinstance(value, h5py.Dataset):
                file.copy(value, name)
                file[name].attrs["encoding-type"] = "array"
                file[name].attrs["encoding-version"] = "0.2.0"
            else:
                file.copy(value.group, name, expand_external=True)


def refuse_own_file(parts: dict[str, Any], path: str) -> None:
    """Refuse to write over a file from which a matrix is still read.

    Raises
    ------
    ContractError
        Naming the matrix.
    """
    for name, value in parts.items():
        if Path(disk_place(value)["path"]).resolve() == Path(path).resolve():
            raise ContractError(
                f"a file other than the one that {name} is read from", str(path)
            )
