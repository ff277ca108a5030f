"""Python reference in site/python, one page a module.

R is started first: pdoc imports every module with a mocked subprocess, in which rpy2
can not ask where R is. The verbs of the package itself are loaded when first asked
for, which pdoc does not do.
"""

from pathlib import Path

import pdoc

import histobridge as hb
from histobridge.interop import converter

if __name__ == "__main__":
    assert converter is not None
    for name in hb.__all__:
        setattr(hb, name, getattr(hb, name))
    pdoc.render.configure(docformat="numpy")
    pdoc.pdoc("histobridge", output_directory=Path("site/python"))
