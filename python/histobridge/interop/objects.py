"""AnnData <-> objects of Bioconductor and Seurat, by the R package's own table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from histobridge import keys
from histobridge.contract import ContractError
from histobridge.interop.desk import leave, take
from histobridge.interop.session import ask

if TYPE_CHECKING:
    from anndata import AnnData
    from rpy2.robjects import RS4

CLASSES = ("SpatialExperiment", "SingleCellExperiment", "Seurat")


def to_r(
    adata: AnnData, r_class: str = "SpatialExperiment", *, strict: bool = True
) -> RS4:
    """R object that holds everything that ``adata`` holds.

    Reads every part of ``adata`` in the table of ``?asAnnData`` in R and changes
    none. ``X`` becomes the assay that ``uns["X_name"]`` names, without that entry
    ``counts``; ``X`` where a layer has that name.

    Parameters
    ----------
    adata
        Spots x genes. What came from R by :func:`from_r` comes back the same.
    r_class
        ``SpatialExperiment``, ``SingleCellExperiment`` or ``Seurat``.
    strict
        Whether to raise at what ``r_class`` has no place for; otherwise it is left
        out and named in ``metadata(x)$HistoBridge$left_out``.

    Returns
    -------
    The object, for any function of rpy2.

    Raises
    ------
    ContractError
        When R, rpy2 or the R package is missing, or something has no place.

    Examples
    --------
    >>> import histobridge as hb
    >>> hb.interop.to_r(hb.data.example_mixture()).rclass[0]  # doctest: +SKIP
    'SpatialExperiment'
    """
    if r_class not in CLASSES:
        raise ContractError("a class of R objects", repr(r_class), CLASSES)
    found = ask("objectFromPython", leave(adata), r_class, x_name(adata), strict)
    # Not before R runs as the session starts it.
    from rpy2.robjects import default_converter

    return default_converter.rpy2py(found)


def from_r(x: Any, assay: str | None = None, *, strict: bool = True) -> AnnData:
    """AnnData of an R object, sharing its memory.

    Parameters
    ----------
    x
        SpatialExperiment, SingleCellExperiment, SummarizedExperiment or Seurat
        object, from any function of rpy2.
    assay
        Assay or layer that becomes ``X``: ``counts`` where there is one, else the
        first.
    strict
        Whether to raise at what AnnData has no place for; otherwise it is left out
        and named in ``uns["r_object"]["left_out"]``.

    Returns
    -------
    AnnData, spots x genes. Its matrices are R's own memory and read-only;
    ``adata.copy()`` is writable.

    Raises
    ------
    ContractError
        When ``x`` is of another class, or something has no place.

    Examples
    --------
    >>> import histobridge as hb
    >>> spe = hb.interop.to_r(hb.data.example_mixture())  # doctest: +SKIP
    >>> hb.interop.from_r(spe).shape  # doctest: +SKIP
    (239, 1020)
    """
    return take(ask("objectToPython", x, assay or "", strict)[0])


def is_object(x: Any) -> bool:
    """Whether an R value is of a class that :func:`from_r` takes."""
    return bool(ask("isObject", x)[0])


def x_name(adata: AnnData) -> str:
    """Name that ``X`` gets in R."""
    name = str(adata.uns.get(keys.X_NAME, keys.COUNTS))
    return "X" if name in adata.layers else name
