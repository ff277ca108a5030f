"""Views on the memory of R vectors, for a Python that runs inside R.

R hands an environment over as a capsule. R's own C interface, reached through
ctypes, finds the vectors bound in it, and the views keep the capsule alive, so
R cannot collect or modify a vector that Python still sees.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, Literal

import numpy as np

_LIST, _ENVIRONMENT = 2, 4

# R's type code -> (pointer to the values, element type)
_VECTORS = {
    10: ("LOGICAL_RO", ctypes.c_int32),
    13: ("INTEGER_RO", ctypes.c_int32),
    14: ("REAL_RO", ctypes.c_double),
    24: ("RAW_RO", ctypes.c_uint8),
}


def share(capsule: Any, name: str) -> np.ndarray | None:
    """Read-only view on the vector bound to ``name`` in an R environment.

    Returns
    -------
    1-d array that shares R's memory, or ``None`` where that is impossible (an
    unknown form of capsule, or a platform whose R cannot be reached).
    """
    view = _view(capsule, name)
    return None if view is None else _frozen(view)


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
