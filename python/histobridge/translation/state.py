"""What a fitted model is made of: arrays by name, and a tree that JSON can hold.

Lists, tuples, dictionaries, numbers, texts and NumPy arrays come back as they were,
bit for bit and in the same memory order; torch tensors come back as arrays; anything
else is refused by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from histobridge.contract import ContractError

KIND = "$"
"""Key that marks a node which is not what JSON says it is."""

NUMERIC = "biuf"


def pack(value: Any, arrays: dict[str, np.ndarray], place: str = "state") -> Any:
    """Tree of ``value`` for JSON; its arrays go into ``arrays`` by their place.

    Raises
    ------
    ContractError
        When ``value`` holds what only Python code could bring back.
    """
    if hasattr(value, "detach"):  # A tensor; torch may not be loaded.
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        return _pack_array(value, arrays, place)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        items = [pack(v, arrays, f"{place}.{i}") for i, v in enumerate(value)]
        return items if isinstance(value, list) else {KIND: "tuple", "items": items}
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        tree = {k: pack(v, arrays, f"{place}.{k}") for k, v in value.items()}
        return {KIND: "dict", "items": tree} if KIND in tree else tree
    raise ContractError(
        "a model of arrays, numbers, texts, lists and dictionaries",
        f"{type(value).__name__} in {place}",
    )


def _pack_array(array: np.ndarray, arrays: dict[str, np.ndarray], place: str) -> Any:
    if array.dtype.kind in "OU" and all(isinstance(v, str) for v in array.flat):
        tree = {KIND: "texts", "items": array.ravel().tolist()}
        return tree | {"shape": list(array.shape), "dtype": array.dtype.str}
    if array.dtype.kind not in NUMERIC:
        raise ContractError(
            "arrays of numbers or texts", f"dtype {array.dtype} in {place}"
        )
    while place in arrays:  # A key with a dot can spell another's path.
        place += "'"
    arrays[place] = np.asarray(array, order="C")
    # The order decides how sums are rounded, and so the last bits of a prediction.
    columns = array.ndim > 1 and array.flags.f_contiguous
    return {KIND: "array", "name": place, "order": "F" if columns else "C"}


def unpack(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    """What :func:`pack` was given."""
    if isinstance(tree, list):
        return [unpack(item, arrays) for item in tree]
    if not isinstance(tree, dict):
        return tree
    kind = tree.get(KIND)
    if kind == "array":
        return np.asarray(arrays[tree["name"]], order=tree["order"])
    if kind == "texts":
        texts = np.array(tree["items"], dtype=np.dtype(tree["dtype"]))
        return texts.reshape(tree["shape"])
    if kind == "tuple":
        return tuple(unpack(item, arrays) for item in tree["items"])
    items = tree["items"] if kind == "dict" else tree
    return {key: unpack(value, arrays) for key, value in items.items()}
