"""A rule for rpy2: AnnData <-> experiments and Seurat objects.

>>> import anndata2ri, histobridge as hb, rpy2.robjects as ro  # doctest: +SKIP
>>> rules = ro.default_converter + anndata2ri.converter + hb.interop.converter
>>> with ro.conversion.localconverter(rules):  # doctest: +SKIP
...     ro.globalenv["x"] = hb.data.example_mixture()
...     adata = ro.r("HistoBridge::findDomains(x, k = 3)")
"""

from __future__ import annotations

from typing import Any

from histobridge.interop.session import namespace

# Before any module that needs a running R.
namespace()

import anndata2ri  # noqa: E402
from anndata import AnnData  # noqa: E402
from rpy2.rinterface import SexpS4  # noqa: E402
from rpy2.robjects.conversion import Converter  # noqa: E402

from histobridge.interop.objects import from_r, is_object, to_r  # noqa: E402

converter = Converter("histobridge", template=anndata2ri.converter)


@converter.py2rpy.register(AnnData)
def _to_r(adata: AnnData) -> Any:
    return to_r(adata)


@converter.rpy2py.register(SexpS4)
def _from_r(x: SexpS4) -> Any:
    # Matrices and data frames are anndata2ri's.
    return from_r(x) if is_object(x) else anndata2ri.converter.rpy2py(x)
