"""Does a stain rise and fall with its marker genes? The orthogonal validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, graphs, keys
from histobridge.contract import ContractError
from histobridge.images.patches import image_positions
from histobridge.images.slides import Slide, open_slide
from histobridge.normalisation import log_normalise
from histobridge.staining.lesson import STAINS, spot_radius_microns, stain_channel
from histobridge.statistics import benjamini_hochberg, section_shifts

if TYPE_CHECKING:
    from anndata import AnnData

METHODS = ("pearson", "spearman")
ALTERNATIVES = ("greater", "two-sided")
ALL = "all"
LEAST = 10
"""Spots of a section below which it is left out."""


def cross_check(
    adata: AnnData,
    channel: str,
    genes: str | Sequence[str],
    *,
    key: str = keys.VIRTUAL_STAIN,
    image_id: str | None = None,
    method: str = "pearson",
    alternative: str = "greater",
    draws: int = 999,
    seed: int = 0,
) -> pd.DataFrame:
    """Correlate a stain with its marker genes, spot by spot within each section.

    Reads counts, positions and the channel; writes nothing. Stain and genes are both
    smooth over tissue, so a correlation means less than its spots promise. The null
    moves the stain of every section across it and its mirror image, which keeps both
    autocorrelations; p-values and intervals come from its spread.

    Parameters
    ----------
    channel
        A column of ``obsm[key]`` (what ``stain_virtually`` has painted), a column of
        ``obs``, or with ``image_id`` one of ``haematoxylin``, ``eosin``, ``dab`` and
        ``intensity``, measured on that picture of every section. A channel that was
        painted from the same genes must be cross-fitted, as ``stain_virtually`` does.
    genes
        Marker genes, log1p counts per 10,000.
    method
        ``pearson`` or ``spearman`` (Pearson of ranks).
    alternative
        ``greater``: a stain rises with its genes; or ``two-sided``.
    draws
        Number of shifts; p is a multiple of ``1 / (draws + 1)``. Small sections have
        fewer.
    seed
        Of the shifts.

    Returns
    -------
    Data frame with a row per section (and ``all``, the mean over sections) and gene:
    ``channel``, ``section``, ``gene``, ``n_spots``, ``correlation``, ``lower`` and
    ``upper`` (95 %), ``p_value``, ``fdr`` (over the genes of a section),
    ``effective_spots`` (independent ones that would spread as much) and
    ``without_depth``, the correlation after total counts are regressed out of both.
    Genes that do not vary in a section have no value there.

    Raises
    ------
    ContractError
        Unknown channel, gene, method or alternative; no section with ten spots.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> found = hb.cross_check(bulb, "haematoxylin", ["Penk"], image_id="hires")
    >>> list(found["section"])
    ['Rep4', 'all']
    """
    contract.unique_names(adata)
    _known(method, METHODS, "method")
    _known(alternative, ALTERNATIVES, "alternative")
    genes = [genes] if isinstance(genes, str) else list(genes)
    absent = [gene for gene in genes if gene not in adata.var_names]
    if absent or not genes:
        raise ContractError("genes that were measured", f"{absent}", adata.var_names)
    level = _channel(adata, channel, key, image_id)
    columns = adata.var_names.get_indexer(genes)
    expression = log_normalise(contract.counts(adata))[:, columns].toarray()
    depth = np.log1p(contract.depth(adata))
    usable = np.isfinite(level) & ~contract.empty_spots(adata)
    points, tables, nulls, seen = graphs.positions_microns(adata), [], [], []
    for i, (section, spots) in enumerate(contract.sections(adata).items()):
        spots = spots[usable[spots]]
        if len(spots) < LEAST:
            continue
        shifts = section_shifts(points[spots], np.zeros(len(spots)), draws, seed + i)
        values = (level[spots, None], expression[spots], depth[spots])
        found, null, rest = _section(*values, shifts, method)
        table = _table(found, null, len(spots), alternative)
        table.insert(0, "section", section)
        table.insert(1, "gene", genes)
        table["without_depth"] = rest
        tables.append(table)
        nulls.append(null)
        seen.append(found)
    if not tables:
        raise ContractError(f"a section of at least {LEAST} spots", "none")
    tables.append(_overall(tables, nulls, seen, genes, alternative, seed))
    out = pd.concat(tables, ignore_index=True)
    out.insert(0, "channel", channel)
    return out


def _known(given: str, known: Sequence[str], what: str) -> None:
    if given not in known:
        raise ContractError(f"a {what} among {known}", repr(given))


def _section(
    x: np.ndarray, y: np.ndarray, depth: np.ndarray, shifts: np.ndarray, method: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correlations of a stain (n, 1) with genes (n, genes), in one section.

    Returns
    -------
    Those found (genes,) and those of shifted stains (draws, genes), missing where
    either does not vary; those without depth (genes,).
    """
    rest = _residuals(np.hstack([x, y]), depth)
    if method == "spearman":
        x, y, rest = _ranks(x), _ranks(y), _ranks(rest)
    flat = (np.ptp(y, axis=0) == 0) | (np.ptp(x) == 0)
    found = np.where(flat, np.nan, _correlations(x, y)[0])
    null = np.where(flat, np.nan, _correlations(x[:, 0][shifts].T, y))
    return found, null, _correlations(rest[:, :1], rest[:, 1:])[0]


def _channel(
    adata: AnnData, channel: str, key: str, image_id: str | None
) -> np.ndarray:
    """Level of the channel in every spot (n,)."""
    if image_id is not None:
        return spot_stain(adata, channel, image_id)
    painted = adata.obsm.get(key)
    if isinstance(painted, pd.DataFrame) and channel in painted:
        return painted[channel].to_numpy(dtype=float)
    if channel in adata.obs and pd.api.types.is_numeric_dtype(adata.obs[channel]):
        return adata.obs[channel].to_numpy(dtype=float)
    columns = painted.columns if isinstance(painted, pd.DataFrame) else ()
    raise ContractError(
        f"channel {channel!r} in obsm[{key!r}], or as numbers in obs",
        "neither",
        [*columns, *adata.obs.select_dtypes("number"), "with image_id: ", *STAINS],
    )


def spot_stain(adata: AnnData, name: str, image_id: str) -> np.ndarray:
    """Mean amount (n,) of a stain over the disc of every spot, on one picture.

    Raises
    ------
    ContractError
        Unknown stain; a section without that picture.
    """
    if name not in STAINS:
        raise ContractError("the name of a stain", repr(name), STAINS)
    level = np.empty(adata.n_obs)
    coordinates = contract.coordinates(adata)
    for section, spots in contract.sections(adata).items():
        slide = open_slide(adata, section, image_id)
        inside = image_positions(slide, coordinates[spots], section)
        radius = spot_radius_microns(adata, section) / slide.microns_per_pixel
        level[spots] = [_disc(slide, point, radius, name) for point in inside]
    return level


def _disc(slide: Slide, point: np.ndarray, radius: float, name: str) -> float:
    left, top = np.floor(point - radius).astype(int)
    side = max(1, int(np.ceil(2 * radius)))
    found = stain_channel(slide.read(int(left), int(top), side, side), name)
    row, column = np.indices(found.shape) + 0.5
    apart = np.hypot(column + left - point[0], row + top - point[1])
    return float(found[apart <= max(radius, apart.min())].mean())


def _ranks(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return rankdata(values, axis=0)


def _residuals(values: np.ndarray, covariate: np.ndarray) -> np.ndarray:
    """What a straight line in the covariate leaves of each column."""
    centred = covariate - covariate.mean()
    values = values - values.mean(axis=0)
    square = centred @ centred
    return values - np.outer(centred, centred @ values / square) if square else values


def _correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson (columns of x, columns of y); 0 where a column is constant."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    size = np.outer(np.linalg.norm(x, axis=0), np.linalg.norm(y, axis=0))
    level = 1e-10 * len(x)
    return np.where(size > level, x.T @ y / np.where(size > level, size, 1.0), 0.0)


def _table(
    found: np.ndarray, null: np.ndarray, n: int, alternative: str
) -> pd.DataFrame:
    """Interval, p and false discovery rate of every gene from its null."""
    z = np.arctanh(np.clip(null, -0.999999, 0.999999))
    spread = np.sqrt((z**2).mean(axis=0))
    middle = np.arctanh(np.clip(found, -0.999999, 0.999999))
    compared = np.abs(null) if alternative == "two-sided" else null
    level = np.abs(found) if alternative == "two-sided" else found
    above = (compared >= level - 1e-12).sum(axis=0)
    p = np.where(np.isnan(found), np.nan, (1 + above) / (1 + len(null)))
    fdr = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    fdr[known] = benjamini_hochberg(p[known])
    return pd.DataFrame(
        {
            "n_spots": n,
            "correlation": found,
            "lower": np.tanh(middle - 1.96 * spread),
            "upper": np.tanh(middle + 1.96 * spread),
            "p_value": p,
            "fdr": fdr,
            "effective_spots": 3 + 1 / np.maximum(spread, 1e-12) ** 2,
        }
    )


def _overall(
    tables: list[pd.DataFrame],
    nulls: list[np.ndarray],
    seen: list[np.ndarray],
    genes: list[str],
    alternative: str,
    seed: int,
) -> pd.DataFrame:
    """Mean over sections, each shifted on its own."""
    rng = np.random.default_rng(seed)
    most = max(len(null) for null in nulls)
    drawn = [null[rng.permutation(most) % len(null)] for null in nulls]
    known = np.sum([~np.isnan(found) for found in seen], axis=0)
    count = np.where(known > 0, known, np.nan)
    found = np.nansum(seen, axis=0) / count
    null = np.nansum(drawn, axis=0) / count
    n = int(sum(table["n_spots"].iloc[0] for table in tables))
    table = _table(found, null, n, alternative)
    table.insert(0, "section", ALL)
    table.insert(1, "gene", genes)
    rest = np.stack([t["without_depth"] for t in tables])
    weights = np.stack([~np.isnan(found) for found in seen])
    table["without_depth"] = np.where(weights, rest, 0).sum(axis=0) / count
    return table
