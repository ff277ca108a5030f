"""One section as a self-contained page: H&E, layers, gene search, lasso."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.normalisation import log_normalise, variable_genes
from histobridge.plotting.panels import Ground, chosen_sections, ground
from histobridge.plotting.style import CONTINUOUS, MISSING, palette
from histobridge.plotting.values import expression, frame_of

if TYPE_CHECKING:
    from anndata import AnnData

MOST_LEVELS = 40
IMAGE_PIXELS = 2000
GENES = 500
_SHADES = 32


def view_section(
    adata: AnnData,
    file: str | Path,
    section: str | None = None,
    *,
    genes: int | Sequence[str] = GENES,
    proportions: str | None = None,
    image_pixels: int = IMAGE_PIXELS,
) -> str:
    """Write one section as a page that any browser opens, without a network.

    The page shows the H&E, columns of labels, proportions as pies and genes, each
    on or off; a search finds genes; a lasso lists the names of spots to copy or to
    download. Reads ``obsm["spatial"]``, images, categorical columns of ``obs``,
    counts and, where they are, proportions; writes nothing but the file.

    Parameters
    ----------
    file
        Name of the HTML file; folders are made.
    section
        Which section, the first by default.
    genes
        Genes in the page: names, or how many of the most variable ones.
    proportions
        Data frame of ``obsm``; ``obsm["proportions"]`` where there is one.
    image_pixels
        Longest side of the image in the page.

    Returns
    -------
    The absolute path.

    Raises
    ------
    ContractError
        When the section, a gene or the proportions are absent.

    Examples
    --------
    >>> import histobridge as hb, tempfile
    >>> file = tempfile.mkdtemp() + "/bulb.html"
    >>> path = hb.view_section(hb.data.example_bulb(), file, "Rep4", genes=20)
    """
    section = chosen_sections(adata, section)[0]
    spots = contract.sections(adata)[section]
    if image_pixels < 1:
        raise ContractError("image_pixels of at least 1", f"{image_pixels}")
    under = ground(adata, section, pixels=image_pixels)
    content = {
        "section": section,
        "spots": list(adata.obs_names[spots].astype(str)),
        "points": np.round(under.points, 2).tolist(),
        "radius": under.diameter / 2,
        "box": [*under.low.tolist(), *under.high.tolist()],
        "image": _image(under),
        "labels": _labels(adata, spots),
        "proportions": _proportions(adata, spots, proportions),
        "genes": _genes(adata, spots, genes),
        "shades": _shades(),
        "missing": MISSING,
    }
    path = Path(file).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_render(content), encoding="utf-8")
    return str(path)


def _render(content: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=select_autoescape(["html"]))
    return environment.get_template("viewer.html").render(content=content)


def _image(under: Ground) -> dict[str, Any] | None:
    """JPEG as base64, and the place of its right lower corner."""
    if under.image is None or under.extent is None:
        return None
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(under.image).save(buffer, format="JPEG", quality=80)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {"data": data, "width": under.extent[1], "height": under.extent[2]}


def _labels(adata: AnnData, spots: np.ndarray) -> list[dict[str, Any]]:
    """Categorical columns that tell spots of the section apart."""
    found = []
    for name in adata.obs.columns:
        column = adata.obs[name].iloc[spots]
        discrete = isinstance(column.dtype, pd.CategoricalDtype) or (
            column.dtype == object or column.dtype.kind == "b"
        )
        if not discrete or name == keys.SECTION:
            continue
        values = column.astype("category").cat.remove_unused_categories()
        levels = [str(level) for level in values.cat.categories]
        if 1 < len(levels) <= MOST_LEVELS:
            codes = values.cat.codes.to_numpy().tolist()
            colours = palette(len(levels))
            found.append(
                {
                    "name": str(name),
                    "levels": levels,
                    "codes": codes,
                    "colours": colours,
                }
            )
    return sorted(found, key=lambda layer: layer["name"] != keys.DOMAIN)


def _proportions(
    adata: AnnData, spots: np.ndarray, key: str | None
) -> dict[str, Any] | None:
    if key is None and keys.PROPORTIONS not in adata.obsm:
        return None
    frame = frame_of(adata, key or keys.PROPORTIONS, "proportions").iloc[spots]
    shares = np.nan_to_num(frame.to_numpy(dtype=float)).clip(0)
    types = [str(name) for name in frame.columns]
    return {
        "levels": types,
        "shares": np.round(shares, 3).tolist(),
        "colours": palette(len(types)),
    }


def _genes(
    adata: AnnData, spots: np.ndarray, genes: int | Sequence[str]
) -> list[dict[str, Any]]:
    """Log-normalised expression in 255 steps up to the maximum of each gene."""
    if isinstance(genes, int | np.integer):
        normal = log_normalise(contract.counts(adata)[spots])
        places = variable_genes(normal, int(genes))
        names = [str(name) for name in adata.var_names[places]]
        values = normal[:, places].toarray()
    else:
        names = [genes] if isinstance(genes, str) else [str(g) for g in genes]
        values = expression(adata, names, spots).to_numpy()
    top = values.max(axis=0, initial=0)
    steps = np.round(values / np.where(top > 0, top, 1) * 255).astype(np.uint8)
    return [
        {
            "name": name,
            "top": round(float(top[i]), 3),
            "values": base64.b64encode(steps[:, i].tobytes()).decode("ascii"),
        }
        for i, name in enumerate(names)
    ]


def _shades() -> list[str]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    shades = colormaps[CONTINUOUS]
    return [to_hex(shades(i / (_SHADES - 1))) for i in range(_SHADES)]
