"""What a spatial AnnData must hold; errors say expected, found, available."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anndata import AnnData


class ContractError(ValueError):
    """The input does not hold what a verb needs."""

    def __init__(
        self, expected: str, found: object, available: Iterable[Any] | str = ""
    ):
        parts = [f"expected {expected}", f"found {found}"]
        listed = available if isinstance(available, str) else listing(available)
        if listed:
            parts.append(f"available: {listed}")
        super().__init__("; ".join(parts))


class ContractWarning(UserWarning):
    """What to look at before a result is trusted; R says it as its own warning."""


def listing(items: Iterable[Any], most: int = 8) -> str:
    """Name the first items, and how many there are."""
    items = [str(item) for item in items]
    shown = ", ".join(items[:most])
    return shown + (f", ... ({len(items)} in all)" if len(items) > most else "")


_BLOCK_BYTES = 64 * 2**20


def in_memory(matrix: Any) -> sp.spmatrix | np.ndarray:
    """Read a matrix that is on disk (backed, HDF5, Zarr), dense ones as CSR.

    A dense dataset is read by blocks of whole chunks, so that memory holds one
    block and the non-zero values. Other matrices come back as they are.
    """
    if sp.issparse(matrix) or isinstance(matrix, np.ndarray):
        return matrix
    if hasattr(matrix, "to_memory"):
        read = matrix.to_memory()
        kind = sp.csr_matrix if read.format == "csr" else sp.csc_matrix
        # Files may hold indices of two widths, which scipy's routines refuse.
        return kind((read.data, read.indices, read.indptr), shape=read.shape)
    chunk = (getattr(matrix, "chunks", None) or (1,))[0]
    row_bytes = max(1, matrix.shape[1] * matrix.dtype.itemsize)
    rows = max(1, _BLOCK_BYTES // row_bytes // chunk) * chunk
    starts = range(0, max(1, matrix.shape[0]), rows)
    blocks = [sp.csr_matrix(np.asarray(matrix[s : s + rows])) for s in starts]
    return sp.vstack(blocks, format="csr")


LOGGED = "log1p"
"""``uns`` entry by which scanpy remembers that ``X`` holds logarithms."""


def counts(adata: AnnData) -> sp.csr_matrix | np.ndarray:
    """Raw counts, spots x genes, checked but never copied.

    Reads ``layers["counts"]``, else ``X``, from disk where they are backed.
    Values must be finite and non-negative.

    Raises
    ------
    ContractError
        When there are no counts, or they hold NaN, infinite or negative values; when
        ``X`` is fractional and scanpy recorded that it took logarithms.
    """
    if keys.COUNTS in adata.layers:
        matrix, name = adata.layers[keys.COUNTS], 'layers["counts"]'
    else:
        matrix, name = adata.X, "X"
        stored = adata.uns.get(keys.X_NAME, keys.COUNTS)
        if matrix is None or stored != keys.COUNTS:
            found = "neither" if matrix is None else f"X = {stored!r}"
            raise ContractError(
                'raw counts in an assay or layer "counts"',
                found,
                [*adata.layers] if matrix is None else [stored, *adata.layers],
            )
    matrix = in_memory(matrix)
    values: Any = matrix.data if sp.issparse(matrix) else matrix
    # An object that names its X is taken at its word.
    logged = name == "X" and LOGGED in adata.uns and keys.X_NAME not in adata.uns
    if logged and (values != np.round(values)).any():
        raise ContractError(
            'raw counts in layers["counts"] or X',
            f"X after logarithms (uns[{LOGGED!r}])",
            [*adata.layers],
        )
    if values.size:
        low = values.min()
        if not np.isfinite(low) or not np.isfinite(values.max()):
            raise ContractError(f"finite counts in {name}", "NaN or infinite values")
        if low < 0:
            raise ContractError(f"non-negative counts in {name}", f"minimum {low:g}")
    return sp.csr_matrix(matrix) if sp.issparse(matrix) else matrix


def integer_counts(adata: AnnData) -> sp.csr_matrix:
    """Raw counts as CSR, refused when they are not whole numbers.

    Raises
    ------
    ContractError
        When a value is fractional (normalised data instead of counts).
    """
    matrix = sp.csr_matrix(counts(adata))
    fractional = matrix.data[matrix.data != np.round(matrix.data)]
    if fractional.size:
        raise ContractError(
            "whole-number raw counts (a count likelihood is fitted)",
            f"{fractional.size} fractional values such as {fractional[0]:g}",
        )
    return matrix


def coordinates(adata: AnnData) -> np.ndarray:
    """Spot centres (n_spots, 2) as (x, y) in full-resolution pixels.

    Raises
    ------
    ContractError
        When ``obsm["spatial"]`` is absent, has fewer than two columns, or holds NaN.
    """
    if keys.SPATIAL not in adata.obsm:
        raise ContractError(
            'spatial coordinates in obsm["spatial"] (spatialCoords in R)',
            "none",
            adata.obsm.keys(),
        )
    points = np.asarray(adata.obsm[keys.SPATIAL], dtype=float)
    if points.ndim != 2 or points.shape[1] < 2:
        raise ContractError("coordinates with columns x, y", f"shape {points.shape}")
    if not np.isfinite(points[:, :2]).all():
        bad = int((~np.isfinite(points[:, :2]).all(axis=1)).sum())
        raise ContractError("finite coordinates", f"{bad} spots with NaN")
    return points[:, :2]


def unique_names(adata: AnnData) -> None:
    """Refuse duplicated spot or gene names.

    Raises
    ------
    ContractError
        Naming the duplicates.
    """
    for index, what in ((adata.obs_names, "spot"), (adata.var_names, "gene")):
        if not index.is_unique:
            repeated = index[index.duplicated()].unique()
            raise ContractError(
                f"unique {what} names",
                f"{len(repeated)} repeated, e.g. {listing(repeated, 3)}",
                f"make them unique first, e.g. {what} names with a suffix",
            )


def section_names(adata: AnnData) -> pd.Series:
    """Section of each spot; one section when no ``sample_id`` column exists."""
    if keys.SECTION in adata.obs:
        return adata.obs[keys.SECTION].astype(str)
    libraries = list(adata.uns.get(keys.SPATIAL, {}))
    name = libraries[0] if len(libraries) == 1 else "sample01"
    return pd.Series(name, index=adata.obs_names, name=keys.SECTION)


def sections(adata: AnnData) -> dict[str, np.ndarray]:
    """Section name -> positions of its spots, in order of first appearance."""
    codes, names = pd.factorize(section_names(adata))
    return {str(name): np.flatnonzero(codes == i) for i, name in enumerate(names)}


def obs_column(adata: AnnData, key: str, what: str) -> pd.Series:
    """One ``obs`` column by name.

    Raises
    ------
    ContractError
        When it is absent, listing the columns there are.
    """
    if key not in adata.obs:
        raise ContractError(
            f"{what} in obs[{key!r}] (colData in R)", "no such column", adata.obs
        )
    return adata.obs[key]


def labels(adata: AnnData, key: str, what: str = "labels") -> pd.Series:
    """A label column with at least two classes among its non-missing values.

    Raises
    ------
    ContractError
        When the column is absent or has fewer than two classes.
    """
    column = obs_column(adata, key, what)
    classes = column.dropna().unique()
    if len(classes) < 2:
        raise ContractError(
            f"at least two classes of {what} in obs[{key!r}]",
            f"{len(classes)} ({listing(classes)})",
        )
    return column


def microns_per_pixel(adata: AnnData, section: str) -> float:
    """Microns per full-resolution pixel of one section.

    Raises
    ------
    ContractError
        When it is not stored or not a positive number.
    """
    factors = (
        adata.uns.get(keys.SPATIAL, {}).get(section, {}).get(keys.SCALE_FACTORS, {})
    )
    return positive(
        factors.get(keys.MICRONS_PER_PIXEL),
        f"microns per full-resolution pixel of section {section!r} "
        f'(scalefactors["{keys.MICRONS_PER_PIXEL}"]; in R micronsPerPixel(x) <-)',
        factors,
    )


def positive(value: Any, what: str, available: Iterable[Any] = ()) -> float:
    """A finite number above zero.

    Raises
    ------
    ContractError
        When it is anything else.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number) or number <= 0:
        found = "none" if value is None else f"{value}"
        raise ContractError(what, found, available)
    return number


def shared_genes(adata: AnnData, reference: AnnData, least: int = 10) -> pd.Index:
    """Genes of ``adata`` that ``reference`` also has, in the order of ``adata``.

    Raises
    ------
    ContractError
        When fewer than ``least`` are shared.
    """
    genes = adata.var_names[adata.var_names.isin(reference.var_names)]
    if len(genes) < least:
        raise ContractError(
            f"at least {least} genes shared by spots and reference",
            f"{len(genes)} shared; spots have {listing(adata.var_names, 3)}",
            f"reference has {listing(reference.var_names, 3)}",
        )
    return genes


def empty_spots(adata: AnnData) -> np.ndarray:
    """Boolean mask of spots without a single count."""
    return np.asarray(counts(adata).sum(axis=1)).ravel() == 0


def depth(adata: AnnData) -> np.ndarray:
    """Total counts (n_spots,): the declared depth column, else from the counts."""
    if keys.DEPTH in adata.obs:
        return adata.obs[keys.DEPTH].to_numpy(dtype=float)
    return np.asarray(counts(adata).sum(axis=1), dtype=float).ravel()


def record(adata: AnnData, verb: str, settings: dict[str, Any]) -> None:
    """Store the settings of a verb under ``uns["histobridge"]``."""
    stored = dict(adata.uns.get(keys.SETTINGS, {}))
    stored[verb] = settings
    adata.uns[keys.SETTINGS] = stored
