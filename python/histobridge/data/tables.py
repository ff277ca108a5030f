"""Text tables and matrices of other people's pipelines."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge.contract import ContractError

_SEPARATORS = ("\t", ",", ";", " ")
_LINES = 5


def first_of(folder: Path, names: tuple[str, ...], what: str) -> Path:
    """The first of several files (or folders, or patterns) that exists.

    Raises
    ------
    ContractError
        When none does, listing what the folder holds.
    """
    for name in names:
        found = sorted(folder.glob(name))
        if found:
            return found[0]
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    raise ContractError(
        f"{what} ({' or '.join(names)}) in {folder}",
        "no such file" if folder.is_dir() else "no such folder",
        there,
    )


def read_table(path: Path, header: bool = True, index: bool = False) -> pd.DataFrame:
    """A text table, compressed or not, whose separator is found from its lines.

    Raises
    ------
    ContractError
        When no separator gives every line the same number of columns.
    """
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        separator = _separator(path, index)
        return pd.read_csv(
            path,
            sep=separator,
            header=0 if header else None,
            index_col=0 if index else None,
        )
    except ContractError:
        raise
    except Exception as error:
        found = f"{path.name!r}: {type(error).__name__}: {error}"
        raise ContractError("a text table that can be read", found) from error


def numbers(frame: pd.DataFrame, path: Path) -> np.ndarray:
    """Values of a table as floats.

    Raises
    ------
    ContractError
        When a value is missing or no number, such as one with a decimal comma.
    """
    values = frame.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = bad[0]
        raise ContractError(
            f"numbers in {path.name!r}",
            f"{frame.iloc[row, column]!r} in line {frame.index[row]!r}, "
            f"column {frame.columns[column]!r} ({len(bad)} in all)",
        )
    return values


def counts_of(frame: pd.DataFrame, path: Path) -> sp.csr_matrix:
    """Counts (rows x columns) of a table.

    Raises
    ------
    ContractError
        When there is nothing, or values are not finite and non-negative.
    """
    if not frame.size:
        raise ContractError(f"a table of counts in {path.name!r}", f"{frame.shape}")
    values = numbers(frame, path)
    if values.min() < 0:
        raise ContractError(f"counts in {path.name!r}", f"minimum {values.min():g}")
    return sp.csr_matrix(values)


def read_10x(path: Path) -> tuple[sp.csr_matrix, list[str], pd.DataFrame]:
    """Counts (barcodes x features), barcodes and features of 10x Genomics.

    Parameters
    ----------
    path
        An ``.h5`` file, or a folder with ``matrix.mtx``, ``barcodes.tsv`` and
        ``features.tsv`` (or ``genes.tsv``), compressed or not.

    Raises
    ------
    ContractError
        When a file is absent or damaged, or sizes do not agree.
    """
    try:
        return _read_h5(path) if path.suffix == ".h5" else _read_folder(path)
    except ContractError:
        raise
    except Exception as error:
        found = f"{path.name!r}: {type(error).__name__}: {error}"
        raise ContractError("a count matrix that can be read", found) from error


def unique_symbols(features: pd.DataFrame) -> list[str]:
    """Symbols; where several genes share one, joined with their identifiers."""
    symbol = features["symbol"].astype(str)
    repeated = symbol.duplicated(keep=False)
    joined = symbol + "_" + features["id"].astype(str)
    return list(symbol.where(~repeated, joined))


def _separator(path: Path, index: bool) -> str:
    read = gzip.open if path.suffix == ".gz" else open
    with read(path, "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\r\n") for line in islice(file, _LINES)]
    found = {}
    for separator in _SEPARATORS:
        counts = [line.count(separator) for line in lines if line]
        # The corner above an index may be missing.
        body = counts[1:] or counts
        if body and min(body) == max(body) > 0 and counts[0] in (body[0], body[0] - 1):
            found[separator] = body[0]
    if not found:
        shown = lines[0][:60] if lines else "an empty file"
        raise ContractError(
            f"a table in {path.name!r} whose lines have the same number of columns, "
            "separated by tab, comma or semicolon",
            repr(shown),
        )
    return max(found, key=lambda separator: found[separator])


def _read_h5(path: Path) -> tuple[sp.csr_matrix, list[str], pd.DataFrame]:
    import h5py

    if not path.is_file():
        raise ContractError("a count matrix", f"no file {path}")
    with h5py.File(path) as file:
        group = file["matrix"]
        shape = tuple(int(n) for n in group["shape"][:])
        parts = [group[name][:] for name in ("data", "indices", "indptr")]
        barcodes = [name.decode() for name in group["barcodes"][:]]
        columns = {"id": "id", "symbol": "name", "type": "feature_type"}
        features = pd.DataFrame(
            {
                ours: [v.decode() for v in group["features"][theirs][:]]
                for ours, theirs in columns.items()
            }
        )
    matrix = sp.csc_matrix(tuple(parts), shape=shape).T
    return _agreeing(sp.csr_matrix(matrix, dtype=float), barcodes, features, path)


def _read_folder(path: Path) -> tuple[sp.csr_matrix, list[str], pd.DataFrame]:
    from scipy.io import mmread

    matrix = mmread(first_of(path, ("matrix.mtx.gz", "matrix.mtx"), "counts"))
    lines = first_of(path, ("barcodes.tsv.gz", "barcodes.tsv"), "barcodes")
    barcodes = list(pd.read_csv(lines, sep="\t", header=None)[0].astype(str))
    names = ("features.tsv.gz", "features.tsv", "genes.tsv.gz", "genes.tsv")
    table = pd.read_csv(first_of(path, names, "features"), sep="\t", header=None)
    features = pd.DataFrame(
        {
            "id": table[0].astype(str),
            "symbol": table[min(1, table.shape[1] - 1)].astype(str),
            "type": table[2] if table.shape[1] > 2 else "Gene Expression",
        }
    )
    counts = sp.csr_matrix(matrix.T, dtype=float)
    return _agreeing(counts, barcodes, features, path)


def _agreeing(
    matrix: sp.csr_matrix, barcodes: list[str], features: pd.DataFrame, path: Path
) -> tuple[sp.csr_matrix, list[str], pd.DataFrame]:
    named = (len(barcodes), len(features))
    if matrix.shape != named:
        raise ContractError(
            f"a matrix in {path.name!r} as large as its names",
            f"{matrix.shape[0]} x {matrix.shape[1]} for {named[0]} barcodes and "
            f"{named[1]} features",
        )
    if matrix.nnz and matrix.data.min() < 0:
        raise ContractError(f"counts in {path.name!r}", "negative values")
    genes = (features["type"] == "Gene Expression").to_numpy()
    return matrix[:, genes], barcodes, features[genes].reset_index(drop=True)
