"""Pseudo-spots: cells binned into spots whose composition is known exactly."""

from __future__ import annotations

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge import contract, keys
from histobridge.contract import ContractError

LATTICES = ("hexagonal", "square")


def pseudo_spots(
    cells: ad.AnnData,
    *,
    pitch_microns: float = 100.0,
    diameter_microns: float | None = 55.0,
    lattice: str = "hexagonal",
    labels: str | None = keys.CELL_TYPE,
    microns_per_pixel: float | None = None,
    least_cells: int = 1,
) -> tuple[ad.AnnData, pd.Series]:
    """Sum the cells that lie in every spot of a lattice.

    Reads counts, ``obsm["spatial"]``, sections and ``obs[labels]``. A cell belongs to
    the spot of nearest centre, if its own centre lies within the diameter.

    Parameters
    ----------
    cells
        Cell-resolved data; (x, y) in pixels.
    pitch_microns, diameter_microns
        Distance between neighbouring centres, and diameter of a spot; the defaults
        are Visium's. ``None``: the spots tile the tissue and no cell is left over.
    lattice
        ``hexagonal`` or ``square``.
    labels
        Column of cell types; ``None`` for no proportions. Cells without a label
        count as expression but not as composition.
    microns_per_pixel
        For sections that do not state it.
    least_cells
        Spots of fewer cells are left out.

    Returns
    -------
    spots
        Summed counts (CSR) in ``X``; ``obs`` columns ``sample_id``, ``n_cells`` and,
        where ``cells`` has it, ``patient``; ``obsm["spatial"]`` in the pixels of
        ``cells``; ``obsm["true_proportions"]`` (data frame, spots x types; missing
        where no cell has a label); images and scale factors of ``cells``, with
        the diameter of the spots.
    spot_of
        Spot name of every cell, indexed by cell; missing between spots.

    Raises
    ------
    ContractError
        No coordinates, counts, label column or microns per pixel; an unknown
        lattice; spots wider than their pitch.

    Examples
    --------
    >>> import numpy as np
    >>> import histobridge as hb
    >>> cells = hb.data.simulate_reference(50)
    >>> places = np.random.default_rng(0).uniform(0, 500, (cells.n_obs, 2))
    >>> cells.obsm["spatial"] = places
    >>> spots, spot_of = hb.data.pseudo_spots(cells, microns_per_pixel=1.0)
    >>> bool(spots.obs["n_cells"].sum() == spot_of.notna().sum())
    True
    """
    _check(pitch_microns, diameter_microns, lattice)
    points = contract.coordinates(cells)
    names = np.full(cells.n_obs, None, dtype=object)
    centres, obs = [], []
    for section, rows in contract.sections(cells).items():
        scale = microns_per_pixel or contract.microns_per_pixel(cells, section)
        where = points[rows] * scale
        grid = lattice_centres(
            where.min(axis=0), where.max(axis=0), pitch_microns, lattice
        )
        nearest = _nearest(where, grid, diameter_microns)
        own, kept, inside = _occupied(nearest, len(grid), max(least_cells, 1))
        titles = np.array([f"{section}_spot{i + 1:05d}" for i in range(len(kept))])
        names[rows[own >= 0]] = titles[own[own >= 0]]
        centres.append(grid[kept] / scale)
        facts = {keys.SECTION: section, keys.N_CELLS: inside}
        if keys.PATIENT in cells.obs:
            facts[keys.PATIENT] = cells.obs[keys.PATIENT].iloc[rows[0]]
        obs.append(pd.DataFrame(facts, index=titles))
    table = pd.concat(obs)
    table[keys.SECTION] = table[keys.SECTION].astype("category")
    spot_of = pd.Series(names, index=cells.obs_names, name="spot")
    counts = sp.csr_matrix(contract.counts(cells), dtype=float)
    spots = ad.AnnData(
        membership(spot_of, table.index) @ counts,
        obs=table,
        var=pd.DataFrame(index=cells.var_names),
        obsm={keys.SPATIAL: np.concatenate(centres)},
        # Spots that tile the tissue are as wide as their pitch.
        uns={
            keys.SPATIAL: _libraries(
                cells, diameter_microns or pitch_microns, microns_per_pixel
            )
        },
    )
    if labels is not None:
        column = contract.labels(cells, labels, "cell types")
        spots.obsm[keys.TRUE_PROPORTIONS] = proportions(spot_of, column, table.index)
    return spots, spot_of


def _occupied(
    nearest: np.ndarray, n: int, least: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kept spot of every cell or -1, positions of kept spots, cells in each."""
    inside = np.bincount(nearest[nearest >= 0], minlength=n)
    kept = np.flatnonzero(inside >= least)
    place = np.full(n + 1, -1)
    place[kept] = np.arange(len(kept))
    return place[nearest], kept, inside[kept]


def membership(spot_of: pd.Series, spots: pd.Index) -> sp.csr_matrix:
    """Sparse (n_spots, n_cells) of ones: which cells a spot sums."""
    row = spots.get_indexer(spot_of)
    member = np.flatnonzero(row >= 0)
    shape = (len(spots), len(spot_of))
    return sp.csr_matrix((np.ones(len(member)), (row[member], member)), shape=shape)


def lattice_centres(
    low: np.ndarray, high: np.ndarray, pitch: float, lattice: str = "hexagonal"
) -> np.ndarray:
    """Centres (n, 2) of a lattice that covers the box from ``low`` to ``high``.

    Every point of the box is as near to a centre as in an unbounded lattice.
    """
    step = pitch * (np.sqrt(3) / 2 if lattice == "hexagonal" else 1.0)
    rows = np.arange(-1, np.ceil((high[1] - low[1]) / step) + 2)
    columns = np.arange(-1, np.ceil((high[0] - low[0]) / pitch) + 2)
    x, y = np.meshgrid(columns * pitch, rows * step)
    if lattice == "hexagonal":
        x[1::2] += pitch / 2
    return np.column_stack([x.ravel(), y.ravel()]) + low


def _nearest(
    points: np.ndarray, centres: np.ndarray, diameter: float | None
) -> np.ndarray:
    """Position of the nearest centre; -1 outside of its spot."""
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(centres).query(points)
    if diameter is not None:
        nearest = np.where(distance <= diameter / 2, nearest, -1)
    return nearest


def proportions(spot_of: pd.Series, column: pd.Series, spots: pd.Index) -> pd.DataFrame:
    """Share of each label of ``column`` among the cells of a spot (spots x labels)."""
    known = np.flatnonzero(column.notna())
    kind, types = pd.factorize(column.iloc[known].astype(str), sort=True)
    one_hot = sp.csr_matrix(
        (np.ones(len(known)), (known, kind)), (len(column), len(types))
    )
    cells = (membership(spot_of, spots) @ one_hot).toarray()
    total = cells.sum(axis=1, keepdims=True)
    share = np.where(total > 0, cells / np.where(total > 0, total, 1), np.nan)
    return pd.DataFrame(share, index=spots, columns=types)


def _libraries(
    cells: ad.AnnData, diameter_microns: float, microns_per_pixel: float | None
) -> dict:
    found = {}
    for section in contract.sections(cells):
        library = dict(cells.uns.get(keys.SPATIAL, {}).get(section, {}))
        factors = dict(library.get(keys.SCALE_FACTORS, {}))
        scale = microns_per_pixel or contract.microns_per_pixel(cells, section)
        factors[keys.MICRONS_PER_PIXEL] = float(scale)
        factors[keys.SPOT_DIAMETER] = diameter_microns / scale
        found[section] = {**library, keys.SCALE_FACTORS: factors}
    return found


def _check(pitch_microns: float, diameter_microns: float | None, lattice: str) -> None:
    if lattice not in LATTICES:
        raise ContractError("a lattice by name", repr(lattice), LATTICES)
    if not pitch_microns > 0:
        raise ContractError("a positive pitch in microns", f"{pitch_microns}")
    if diameter_microns is not None and not 0 < diameter_microns <= pitch_microns:
        raise ContractError(
            f"a diameter above 0 and at most the pitch of {pitch_microns:g} um",
            f"{diameter_microns:g}",
        )
