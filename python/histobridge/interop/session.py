"""The R inside this Python process (rpy2), with the R package HistoBridge in it."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from histobridge.contract import ContractError

if TYPE_CHECKING:
    from rpy2.rinterface import SexpEnvironment


class RefusalError(ContractError):
    """What the R package refuses, in its own words."""

    def __init__(self, text: str):
        ValueError.__init__(self, text)


def ask(function: str, *arguments: Any) -> Any:
    """Call a function of the R package that answers with a value or a refusal.

    Raises
    ------
    RefusalError
        With the text of R's error.
    """
    answer = namespace()[function](*arguments)
    if answer.names[0] == "refused":
        raise RefusalError(answer[0][0])
    return answer[0]


@cache
def namespace() -> SexpEnvironment:
    """Start R and load the R package; both once per session.

    Raises
    ------
    ContractError
        When rpy2, R or the R package is missing, the two packages differ in
        version, or this Python itself runs inside R.
    """
    rinterface = _embedded()
    loaded = rinterface.evalr(
        "if (requireNamespace('HistoBridge', quietly = TRUE))"
        " as.character(utils::packageVersion('HistoBridge')) else ''"
    )[0]
    from histobridge import __version__

    if loaded != __version__:
        raise ContractError(
            f"the R package HistoBridge {__version__} in {os.environ['R_HOME']}",
            loaded or "none; to fix: R CMD INSTALL of the same checkout",
        )
    return rinterface.baseenv["asNamespace"]("HistoBridge")


def _embedded() -> Any:
    if "rpytools" in sys.modules and "rpy2.rinterface" not in sys.modules:
        raise ContractError(
            "a Python that starts R", "one that R has started: call R from R"
        )
    if find_spec("rpy2") is None or find_spec("anndata2ri") is None:
        raise ContractError(
            "rpy2 and anndata2ri", "none; to fix: pip install 'histobridge[r]'"
        )
    if find_spec("_rinterface_cffi_api") is None:
        os.environ.setdefault("RPY2_CFFI_MODE", "ABI")
    # reticulate, in that R, has to find this interpreter and no other.
    os.environ["RETICULATE_PYTHON"] = sys.executable
    try:
        from rpy2 import rinterface

        rinterface.initr()
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise ContractError("an R that rpy2 can start", str(error)) from error
    _publish()
    return rinterface


def _publish() -> None:
    """Let the bridge find R's C interface, which rpy2 loads for itself alone."""
    name = "libR.dylib" if platform.system() == "Darwin" else "libR.so"
    library = Path(os.environ["R_HOME"], "lib", name)
    if library.is_file():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
