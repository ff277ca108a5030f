"""R objects in a Python session, and the Python half of the R package's bridge.

=====================  =========================================================
``to_r(adata)``        SpatialExperiment, SingleCellExperiment or Seurat object
``from_r(x)``          AnnData of any of them
``call(fun, adata)``   an R function on an AnnData, its results grafted onto it
``converter``          the same as a rule for rpy2, to be added to others
=====================  =========================================================

They need rpy2 and anndata2ri (``pip install 'histobridge[r]'``), an R on ``PATH``
and the R package HistoBridge in it, whose mapping table they use: R runs inside
this very Python process and shares its memory. None is imported before first use.
"""

from __future__ import annotations

import importlib

_HOMES = {
    "to_r": "histobridge.interop.objects",
    "from_r": "histobridge.interop.objects",
    "call": "histobridge.interop.functions",
    "converter": "histobridge.interop.converter",
}

__all__ = ["call", "converter", "from_r", "to_r"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    # Else the submodule would hide what is in it under the same name.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
