"""Spots mixed from the cells of any reference, in nine patterns of composition."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.data.pseudo import membership, proportions

PATTERNS = (
    "uniform_distinct",
    "diverse_distinct",
    "uniform_overlap",
    "diverse_overlap",
    "dominant",
    "partially_dominant",
    "dominant_rare",
    "regional_rare",
    "missing_types",
)
TYPES_PER_REGION = 4
SECTION = "mixture"


def simulate_spots(
    reference: ad.AnnData,
    *,
    pattern: str = "diverse_overlap",
    labels: str = keys.CELL_TYPE,
    n_regions: int = 5,
    spots_per_region: int = 60,
    cells_per_spot: tuple[int, int] = (2, 10),
    depth: tuple[float, float] | None = (20_000, 5_000),
    platform_sd: float = 0.0,
    pitch_microns: float = 100.0,
    seed: int = 0,
) -> tuple[ad.AnnData, ad.AnnData]:
    """Mix the cells of one half of a reference into spots; return the other half.

    The patterns are those of synthspot (Sang-aram et al. 2024, eLife 12:88431),
    with the places it lacks: spots lie on a square lattice that compact regions
    divide, so that spatial methods can be tried.

    Parameters
    ----------
    reference
        Cells with raw counts and ``obs[labels]``.
    pattern
        ``uniform_`` (every type of a region as frequent) or ``diverse_`` (not),
        ``_distinct`` (a type in one region only) or ``_overlap``; ``dominant`` (one
        type holds most cells everywhere) or ``partially_dominant`` (in half of the
        regions); ``dominant_rare`` (one type is rare everywhere) or
        ``regional_rare`` (and in one region only); ``missing_types`` (a quarter of
        the types of the reference is nowhere).
    cells_per_spot
        Fewest and most cells of a spot, uniform between.
    depth
        Mean and standard deviation of the counts that a spot keeps, if its cells
        have more; ``None`` keeps all.
    platform_sd
        Standard deviation of a log factor per gene that only the spots have.
    seed
        Of everything.

    Returns
    -------
    spots
        Raw counts; ``obs`` columns ``sample_id``, ``region``, ``n_cells``;
        ``obsm["spatial"]`` in microns; ``obsm["true_proportions"]`` over all types of
        the reference.
    rest
        The cells that were not mixed, half of every type, as reference.

    Raises
    ------
    ContractError
        Unknown pattern, no such labels, fewer than four types, or a type of one cell;
        counts that are not whole numbers; numbers that no spots have.

    Examples
    --------
    >>> import histobridge as hb
    >>> spots, rest = hb.data.simulate_spots(
    ...     hb.data.example_reference(), pattern="dominant", spots_per_region=20
    ... )
    >>> spots.obsm["true_proportions"].shape
    (100, 12)
    """
    rng = np.random.default_rng(seed)
    if pattern not in PATTERNS:
        raise ContractError("a pattern by name", repr(pattern), PATTERNS)
    _check(n_regions, spots_per_region, cells_per_spot, platform_sd)
    counts = contract.integer_counts(reference)
    column = contract.labels(reference, labels, "cell types").astype(object)
    known = np.flatnonzero(column.notna())
    codes, types = pd.factorize(column.iloc[known].astype(str), sort=True)
    pool, rest = _halves(known, codes, types, rng)
    plan = region_frequencies(pattern, len(types), n_regions, rng)
    points, region = _regions(n_regions, spots_per_region, rng)
    chosen, spot = _draw_cells(plan[region], codes, known, pool, cells_per_spot, rng)
    obs = _spots(region, spot)
    spot_of = pd.Series(obs.index[spot].to_numpy())
    mean = membership(spot_of, obs.index) @ counts[chosen]
    factor = np.exp(rng.normal(0, platform_sd, reference.n_vars))
    frame = proportions(spot_of, column.iloc[chosen], obs.index)
    scale = {keys.SCALE_FACTORS: {keys.MICRONS_PER_PIXEL: 1.0}}
    spots = ad.AnnData(
        _measure(mean.toarray(), factor, depth, rng),
        obs=obs,
        var=pd.DataFrame(index=reference.var_names),
        obsm={
            keys.SPATIAL: points * pitch_microns,
            keys.TRUE_PROPORTIONS: frame.reindex(columns=types, fill_value=0.0),
        },
        uns={keys.SPATIAL: {SECTION: scale}},
    )
    return spots, reference[rest].copy()


def _check(
    n_regions: int,
    spots_per_region: int,
    cells_per_spot: tuple[int, int],
    platform_sd: float,
) -> None:
    if n_regions < 1 or spots_per_region < 1:
        found = f"{n_regions} regions of {spots_per_region}"
        raise ContractError("at least one region of one spot", found)
    if not 1 <= cells_per_spot[0] <= cells_per_spot[1]:
        raise ContractError(
            "fewest and most cells of a spot, of at least 1", f"{tuple(cells_per_spot)}"
        )
    if not platform_sd >= 0:
        raise ContractError("platform_sd >= 0", f"{platform_sd}")


def region_frequencies(
    pattern: str, n_types: int, n_regions: int, rng: np.random.Generator
) -> np.ndarray:
    """Share of every type in every region (n_regions, n_types)."""
    if n_types < TYPES_PER_REGION:
        raise ContractError(f"at least {TYPES_PER_REGION} cell types", f"{n_types}")
    order = rng.permutation(n_types)
    if pattern == "missing_types":
        order = order[: max(TYPES_PER_REGION, n_types - max(1, n_types // 4))]
    special, others = order[0], order[1:]
    ruled = pattern in ("dominant", "partially_dominant")
    rare = pattern in ("dominant_rare", "regional_rare")
    members = others if ruled or rare else order
    share = np.zeros((n_regions, n_types))
    for region in range(n_regions):
        if pattern.endswith("_distinct"):
            mine = members[region % len(members) :: n_regions]
        else:
            mine = rng.choice(
                members, min(TYPES_PER_REGION, len(members)), replace=False
            )
        share[region, mine] = _weights(pattern, len(mine), rng)
    everywhere = np.arange(n_regions)
    if ruled:
        share[:, special] = rng.uniform(75, 100, n_regions)
        if pattern == "partially_dominant":
            half = everywhere[n_regions // 2 :]
            share[half, special] = rng.uniform(1, 10, len(half))
    elif rare:
        where = everywhere if pattern == "dominant_rare" else everywhere[:1]
        share[where, special] = 10
    return share / share.sum(axis=1, keepdims=True)


def _weights(pattern: str, n: int, rng: np.random.Generator) -> np.ndarray:
    if pattern.startswith("uniform"):
        return np.ones(n)
    low, high = {
        "dominant": (1, 10),
        "partially_dominant": (1, 10),
        "dominant_rare": (75, 125),
        "regional_rare": (75, 125),
    }.get(pattern, (1, 100))
    return rng.uniform(low, high, n)


def _halves(
    known: np.ndarray, codes: np.ndarray, types: pd.Index, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cells to mix (boolean over ``known``), and positions of the others."""
    pool = np.zeros(len(known), dtype=bool)
    for code, name in enumerate(types):
        mine = rng.permutation(np.flatnonzero(codes == code))
        if len(mine) < 2:
            raise ContractError("at least two cells of every type", f"one of {name!r}")
        pool[mine[: len(mine) // 2]] = True
    return pool, known[~pool]


def _regions(
    n_regions: int, each: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Lattice places (n, 2) in units of the pitch, and the region of each."""
    from scipy.spatial import cKDTree

    n = n_regions * each
    side = int(np.ceil(np.sqrt(n)))
    points = np.stack(np.divmod(np.arange(n), side)[::-1], axis=1).astype(float)
    seeds = points[rng.choice(n, n_regions, replace=False)]
    for _ in range(10):
        region = cKDTree(seeds).query(points)[1]
        seeds = np.stack([points[region == r].mean(axis=0) for r in range(n_regions)])
    return points, cKDTree(seeds).query(points)[1]


def _draw_cells(
    share: np.ndarray,
    codes: np.ndarray,
    known: np.ndarray,
    pool: np.ndarray,
    cells_per_spot: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the drawn cells, with replacement, and the spot of each."""
    size = rng.integers(cells_per_spot[0], cells_per_spot[1] + 1, len(share))
    spot = np.repeat(np.arange(len(share)), size)
    kind = np.concatenate(
        [rng.choice(share.shape[1], n, p=p) for n, p in zip(size, share, strict=True)]
    )
    chosen = np.empty(len(kind), dtype=int)
    for code in np.unique(kind):
        mine = np.flatnonzero(kind == code)
        chosen[mine] = rng.choice(known[pool & (codes == code)], len(mine))
    return chosen, spot


def _spots(region: np.ndarray, spot: np.ndarray) -> pd.DataFrame:
    """``obs`` of the spots, given the region of each and the spot of every cell."""
    return pd.DataFrame(
        {
            keys.SECTION: SECTION,
            "region": [f"region{r + 1}" for r in region],
            keys.N_CELLS: np.bincount(spot, minlength=len(region)),
        },
        index=[f"spot{i + 1:04d}" for i in range(len(region))],
    )


def _measure(
    mean: np.ndarray,
    factor: np.ndarray,
    depth: tuple[float, float] | None,
    rng: np.random.Generator,
) -> sp.csr_matrix:
    """Whole counts after a platform factor and binomial thinning to a depth."""
    have = mean.sum(axis=1)
    if np.any(factor != 1.0):
        mean = mean * factor
        mean *= (have / np.maximum(mean.sum(axis=1), 1e-12))[:, None]
        mean = np.floor(mean + rng.random(mean.shape))
        have = mean.sum(axis=1)
    if depth is None:
        return sp.csr_matrix(mean, dtype=float)
    wanted = np.maximum(rng.normal(*depth, len(mean)), 1.0)
    kept = np.minimum(wanted / np.maximum(have, 1.0), 1.0)
    return sp.csr_matrix(rng.binomial(mean.astype(int), kept[:, None]), dtype=float)
