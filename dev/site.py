"""Python reference in site/python, one page a module.

R is started first: pdoc imports every module with a mocked subprocess, in which rpy2
can not ask where R is.
"""

from pathlib import Path

import pdoc

from histobridge.interop import converter

if __name__ == "__main__":
    assert converter is not None
    pdoc.render.configure(docformat="numpy")
    pdoc.pdoc("histobridge", output_directory=Path("site/python"))
