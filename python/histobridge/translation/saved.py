"""Trained translators in a file: safetensors with a JSON header, no pickle.

Loading reads numbers and texts and looks the system up by name; nothing that is in
the file is ever executed. The checksum finds damage and edits by accident. It is no
signature: who can write the file can write its checksum.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from histobridge import __version__, registry
from histobridge.contract import ContractError
from histobridge.translation.base import Translator
from histobridge.translation.state import pack, unpack

FORMAT = "histobridge-model-1"
LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "anndata")


def save_model(model: Translator, path: str | Path) -> str:
    """Write a fitted translator to one safetensors file.

    Beside the weights it holds the system and its parameters, the genes, the
    normalisation, which spots it was trained on, versions, and a SHA-256 of all of
    it.

    Parameters
    ----------
    model
        Made by ``train_translation``.
    path
        File to write.

    Returns
    -------
    The path.

    Raises
    ------
    ContractError
        When the model is not fitted, or its system is not in the registry.

    Examples
    --------
    >>> import histobridge as hb, tempfile, os
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.add_morphology(bulb, "colour", cache=False, progress=False)
    >>> model = hb.train_translation(bulb, genes=20)
    >>> path = hb.save_model(model, os.path.join(tempfile.mkdtemp(), "model"))
    >>> (hb.load_model(path).predict(bulb) == model.predict(bulb)).all()
    True
    """
    from safetensors.numpy import save

    settings = getattr(model, "settings_", {})
    if "system" not in settings:
        raise ContractError(
            "a model made by train_translation", "one without settings_['system']"
        )
    registry.find(settings["system"], "translation")
    arrays: dict[str, np.ndarray] = {}
    tree = pack(model.get_state(), arrays)
    facts = {
        "task": "translation",
        "system": settings["system"],
        "genes": list(model.genes_),
        "normalisation": settings["target"],
        "settings": pack(settings, arrays, "settings"),
        "weights_sha256": _hash("", arrays),
        "versions": _versions(),
        "state": tree,
    }
    text = json.dumps(facts)
    header = {"format": FORMAT, "facts": text, "sha256": _hash(text, arrays)}
    Path(path).write_bytes(save(arrays, header))
    return str(path)


def load_model(path: str | Path) -> Translator:
    """Read what :func:`save_model` wrote; its predictions are the same, bit for bit.

    Raises
    ------
    ContractError
        No such file; one that ``save_model`` did not write; one that was changed
        since; a system that this version does not have.

    Examples
    --------
    See :func:`save_model`.
    """
    facts, arrays = _read(Path(path))
    settings = unpack(facts["settings"], arrays)
    entry = registry.find(facts["system"], "translation")
    model = entry.create(**settings["params"])
    model.genes_, model.settings_ = list(facts["genes"]), settings
    model.set_state(unpack(facts["state"], arrays))
    return model


def read_model_facts(path: str | Path) -> dict[str, Any]:
    """What a model file says of itself, without building the model.

    Returns
    -------
    ``task``, ``system``, ``genes``, ``normalisation``, ``settings`` (with what it
    was trained on), ``weights_sha256`` and ``versions``.

    Raises
    ------
    ContractError
        As :func:`load_model`.
    """
    facts, arrays = _read(Path(path))
    del facts["state"]
    return facts | {"settings": unpack(facts["settings"], arrays)}


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ContractError("a saved model", f"no file {str(path)!r}")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            # Copies: what is mapped would change under us with the file.
            arrays = {name: file.get_tensor(name).copy() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ContractError("a file written by save_model", str(error)) from error
    if header.get("format") != FORMAT:
        raise ContractError(
            f"a file written by save_model (format {FORMAT})",
            f"format {header.get('format')!r}",
        )
    text = header.get("facts", "")
    if header.get("sha256") != _hash(text, arrays):
        raise ContractError("a model file as it was saved", "one changed since")
    return json.loads(text), arrays


def _hash(text: str, arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    found = {"histobridge": __version__, "python": platform.python_version()}
    for library in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
