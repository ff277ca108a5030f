"""Views on the memory of R vectors, for a Python that runs inside R.

R hands an environment over as a capsule. R's own C interface, reached through
ctypes, finds the vectors bound in it, and the views keep the capsule alive, so
R cannot collect or modify a vector that Python still sees.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any, Literal

import numpy as np

from histobridge.memory import free_memory

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]

_LIST, _ENVIRONMENT = 2, 4

# R's type code -> (pointer to the values, element type)
_VECTORS: dict[int, tuple[str, Any]] = {
    10: ("LOGICAL_RO", ctypes.c_int32),
    13: ("INTEGER_RO", ctypes.c_int32),
    14: ("REAL_RO", ctypes.c_double),
    24: ("RAW_RO", ctypes.c_uint8),
}
_CODES = {"logical": 10, "integer": 13, "double": 14, "raw": 24}


def share(capsule: Any, name: str) -> np.ndarray | None:
    """Read-only view on the vector bound to ``name`` in an R environment.

    Returns
    -------
    1-d array that shares R's memory, or ``None`` where that is impossible (an
    unknown form of capsule, or a platform whose R cannot be reached).
    """
    view = _view(capsule, name)
    return None if view is None else _frozen(view)


def allocate(capsule: Any, name: str, mode: str, length: int, limit: float) -> bool:
    """Bind ``name`` to a new vector of R without setting its values to zero.

    Setting them first would be a second pass over the memory. R answers a failed
    allocation with a jump over all frames of Python, so nothing is allocated here
    that is not known to fit.

    Parameters
    ----------
    limit
        Bytes that R may use at most, of ``mem.maxVSize()``.

    Returns
    -------
    Whether it was done; else R has to do it.
    """
    library = _library()
    environment = _environment(capsule, library) if library else None
    code = _CODES[mode]
    needed = length * ctypes.sizeof(_VECTORS[code][1])
    if not library or not environment or not _fits(needed, limit):
        return False
    symbol = library.Rf_install(name.encode())
    library.Rf_defineVar(symbol, library.Rf_allocVector(code, length), environment)
    return True


def _fits(needed: int, limit: float) -> bool:
    """Whether memory of twice the size is free, and no limit is near."""
    free = free_memory()
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        address_space = resource.getrlimit(resource.RLIMIT_AS)[0]
    except (AttributeError, OSError, ValueError):
        return False
    unlimited = address_space == resource.RLIM_INFINITY and limit >= total
    return unlimited and free is not None and 2 * needed <= free


def fill(capsule: Any, name: str, values: np.ndarray, order: str) -> bool:
    """Write ``values`` into the fresh vector bound to ``name``: a single copy.

    Nothing else in R may know that vector yet. ``order`` is the one in which the
    array is read, ``C`` or ``F``.

    Returns
    -------
    Whether it was possible, as in :func:`share`.
    """
    view = _view(capsule, name)
    if view is None:
        return False
    shape = values.shape if order == "C" else values.shape[::-1]
    view.reshape(shape)[...] = values if order == "C" else values.T
    return True


def size(values: np.ndarray) -> int:
    """Return the number of elements."""
    return int(values.size)


def flat(values: np.ndarray, order: Literal["C", "F"]) -> np.ndarray:
    """One-dimensional copy for where :func:`fill` is impossible."""
    return np.asarray(values).ravel(order=order)


def _view(capsule: Any, name: str) -> np.ndarray | None:
    library = _library()
    environment = _environment(capsule, library) if library else None
    if not library or not environment:
        return None
    vector = library.Rf_eval(library.Rf_install(name.encode()), environment)
    if library.TYPEOF(vector) not in _VECTORS:
        return None
    reader, element = _VECTORS[library.TYPEOF(vector)]
    length = library.Rf_xlength(vector)
    if length == 0:
        return np.empty(0, dtype=element)
    buffer = (element * length).from_address(getattr(library, reader)(vector))
    buffer.owner = capsule
    return np.ctypeslib.as_array(buffer)


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


def _environment(capsule: Any, library: ctypes.PyDLL) -> int | None:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    try:
        cell = get(capsule, b"r_object")
    except (TypeError, ValueError):
        return None
    # reticulate preserves the object in a list cell whose tag is the object.
    held = library.TAG(cell) if library.TYPEOF(cell) == _LIST else cell
    return held if library.TYPEOF(held) == _ENVIRONMENT else None


@cache
def _library() -> ctypes.PyDLL | None:
    pointer, number = ctypes.c_void_p, ctypes.c_int
    signatures = {
        "TYPEOF": (number, [pointer]),
        "TAG": (pointer, [pointer]),
        "Rf_install": (pointer, [ctypes.c_char_p]),
        "Rf_eval": (pointer, [pointer, pointer]),
        "Rf_xlength": (ctypes.c_ssize_t, [pointer]),
        "Rf_allocVector": (pointer, [ctypes.c_uint, ctypes.c_ssize_t]),
        "Rf_defineVar": (None, [pointer, pointer, pointer]),
        **{reader: (pointer, [pointer]) for reader, _ in _VECTORS.values()},
    }
    try:
        library = ctypes.PyDLL(None)
        for name, (result, arguments) in signatures.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (AttributeError, OSError, TypeError):
        return None
    return library
