"""Feature arrays on disk, addressed by the content they were computed from."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np


def cache_folder() -> Path:
    """``$HISTOBRIDGE_CACHE`` or ``~/.cache/histobridge``, then ``features``."""
    root = os.environ.get("HISTOBRIDGE_CACHE")
    if root is not None:
        return Path(root) / "features"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "histobridge" / "features"


def content_key(*parts: object) -> str:
    """SHA-256 over arrays (bytes) and everything else (repr)."""
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            sha.update(repr((part.dtype.str, part.shape)).encode())
            sha.update(np.ascontiguousarray(part).data)
        else:
            sha.update(repr(part).encode())
    return sha.hexdigest()


def cached(
    key: str, compute: Callable[[], np.ndarray], folder: Path | None
) -> np.ndarray:
    """Array stored under ``key``, computed and stored when absent.

    A file is written under a temporary name and renamed, so that a killed run
    leaves nothing half-written; ``folder=None`` computes without storing.
    """
    if folder is None:
        return compute()
    path = folder / f"{key}.npy"
    if path.exists():
        try:
            return np.load(path)
        except (ValueError, EOFError):
            path.unlink(missing_ok=True)
    array = compute()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".tmp", delete=False) as file:
        np.save(file, array)
    os.replace(file.name, path)
    return array
