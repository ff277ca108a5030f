"""Functions of the R world on an AnnData."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from histobridge import keys
from histobridge.contract import ContractError
from histobridge.interop.desk import leave, take
from histobridge.interop.differences import changed_keys
from histobridge.interop.objects import from_r, is_object, to_r, x_name
from histobridge.interop.session import ask, namespace
from histobridge.interop.values import plain

if TYPE_CHECKING:
    from anndata import AnnData
    from rpy2.rinterface import Sexp


def call(
    function: str,
    adata: AnnData,
    *args: Any,
    r_class: str | None = None,
    strict: bool = True,
    copy: bool = True,
    **kwargs: Any,
) -> Any:
    """Run an R function on an AnnData and bring home what it made.

    ``adata`` becomes an R object and the first argument of ``function``. Where an
    object of the same spots and genes comes back, all that is new or changed in it
    is written: assays to ``layers`` (and ``X``), ``colData`` to ``obs``, ``rowData``
    to ``var``, ``reducedDims`` and own ``altExps`` to ``obsm``, ``metadata`` to
    ``uns``, and so on by the table of ``?asAnnData`` in R. Nothing is ever removed.

    Parameters
    ----------
    function
        ``"package::function"``.
    adata
        Spots x genes, not changed unless ``copy`` is false.
    args, kwargs
        Further arguments: numbers, texts, lists of them, arrays, sparse matrices,
        data frames, other AnnData, or objects of rpy2. Names with a dot are given
        as ``**{"subset.row": genes}``.
    r_class
        As in :func:`to_r`; by default ``Seurat`` for functions of Seurat packages,
        else ``SpatialExperiment``.
    strict
        Whether to raise at a part of the result that has no place in Python;
        otherwise it is left out.
    copy
        Whether to write to a copy of ``adata``.

    Returns
    -------
    AnnData with the results; a new one where spots or genes are others than before.
    Vectors become scalars, arrays, categoricals or (named) series, data frames and
    matrices with names become data frames, lists become lists or dicts; anything
    else is returned as the object of rpy2 that it is.

    Raises
    ------
    ContractError
        When R or the function is missing, or a result has no place.
    rpy2.rinterface_lib.embedded.RRuntimeError
        When the function itself fails.

    Examples
    --------
    >>> import histobridge as hb
    >>> adata = hb.data.example_mixture()
    >>> adata = hb.interop.call("scuttle::logNormCounts", adata)  # doctest: +SKIP
    >>> adata.layers["logcounts"].shape  # doctest: +SKIP
    (239, 1020)
    >>> hb.interop.call("scran::modelGeneVar", adata).columns  # doctest: +SKIP
    Index(['mean', 'total', 'tech', 'bio', 'p.value', 'FDR'], dtype='object')
    """
    _check(function)
    handed = to_r(adata, r_class or _class_for(function), strict=False)
    result = _run(function, handed, args, kwargs)
    if not is_object(result):
        return _value(result, strict)
    if not ask("sameNames", handed, result)[0]:
        return from_r(result, strict=strict)
    return _graft(adata.copy() if copy else adata, handed, result, strict)


def _check(function: str) -> None:
    if not re.fullmatch(r"[\w.]+::[\w.]+", function):
        raise ContractError('a function as "package::function"', repr(function))
    if not ask("hasFunction", *function.split("::"))[0]:
        raise ContractError(f"the R function {function}", "none that is installed")


def _class_for(function: str) -> str:
    return "Seurat" if function.startswith("Seurat") else "SpatialExperiment"


def _run(function: str, handed: Sexp, args: tuple, kwargs: dict[str, Any]) -> Sexp:
    from rpy2.rinterface import baseenv

    further = baseenv["list"](
        *[_argument(value) for value in args],
        **{name: _argument(value) for name, value in kwargs.items()},
    )
    return namespace()["callByName"](function, handed, further)


def _argument(value: Any) -> Sexp:
    from anndata import AnnData
    from rpy2.rinterface import Sexp

    if isinstance(value, Sexp):
        return value
    if isinstance(value, AnnData):
        return to_r(value)
    return ask("valueFromPython", leave(value))


def _value(result: Sexp, strict: bool) -> Any:
    from rpy2.robjects import default_converter

    key = ask("valueToPython", result, strict)
    return plain(take(key[0])) if len(key) else default_converter.rpy2py(result)


def _graft(adata: AnnData, handed: Sexp, result: Sexp, strict: bool) -> AnnData:
    name = x_name(adata)
    before = from_r(handed, name, strict=False)
    after = from_r(result, name, strict=strict)
    if after.X is not None and changed_keys({"X": before.X}, {"X": after.X}):
        adata.X = after.X.copy()
    for part in ("obs", "var"):
        new = getattr(after, part)
        for key in changed_keys(getattr(before, part), new):
            getattr(adata, part)[key] = new[key].array.copy()
    for part in ("layers", "obsm", "varm", "obsp", "varp", "uns"):
        old, new = getattr(before, part), getattr(after, part)
        for key in changed_keys(old, new):
            if key != keys.RECORD or _is_ours(adata, new[key]):
                # R's memory is read-only; the user's AnnData is not.
                getattr(adata, part)[key] = deepcopy(new[key])
    return adata


def _is_ours(adata: AnnData, record: dict[str, Any]) -> bool:
    """Whether no object of another class has left its record."""
    return adata.uns.get(keys.RECORD, record).get("class") == record.get("class")
