"""Pseudotime over an embedding, with what the choice of its root makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from histobridge import __version__, contract, graphs, keys
from histobridge.contract import ContractError

if TYPE_CHECKING:
    from anndata import AnnData

COMPONENTS = 15
LEAST_SPOTS = 10


def trace_gradient(
    adata: AnnData,
    *,
    root_spot: str | None = None,
    root_domain: str | None = None,
    root_point: Sequence[float] | None = None,
    by: str = keys.DOMAIN,
    embedding: str = keys.INTEGRATION,
    order: str | None = None,
    neighbours: int = 15,
    roots: int = 20,
    key_added: str = keys.PSEUDOTIME,
    seed: int = 0,
) -> dict[str, Any]:
    """Trace a gradient from a root: diffusion pseudotime over an embedding.

    Reads positions, sections and ``obsm[embedding]``; writes ``obs[key_added]``, from
    0 at the root to 1 (NaN for spots without an embedding or without a path to the
    root), and a record under ``uns["histobridge"][key_added]``.

    Parameters
    ----------
    root_spot, root_domain, root_point
        Exactly one: name of a spot; level of ``obs[by]``, whose spot nearest the
        domain's mean embedding is the root; (x, y) in full-resolution pixels, whose
        nearest spot is.
    by
        ``obs`` column of domains; where there is none the root's surroundings stand
        in when other roots are tried.
    embedding
        ``obsm`` matrix, e.g. of :func:`~histobridge.run_integration`.
    order
        ``obs`` column with a known order (numbers or ordered categories) that the
        pseudotime is compared with; never used otherwise.
    neighbours
        Neighbours of a spot in the embedding (Gaussian kernel, sparse).
    roots
        Other roots of the same domain, at most, from which sensitivity is measured.
    seed
        Of which other roots are tried.

    Returns
    -------
    What the record holds beside settings: ``root``; ``n_unreached``; ``roots`` and
    ``root_sensitivity``, the Spearman correlation with the pseudotime from every other
    root; and, over the root's section, ``distance_share``, the squared Spearman
    correlation with the plain distance from the root, and ``partial``, the Spearman
    correlation with the distance in the embedding given the plain one. With ``order``
    also ``order_correlation``, ``order_partial`` (given plain distance) and
    ``order_of_distance``, what plain distance alone reaches.

    Raises
    ------
    ContractError
        No embedding, not exactly one root, an unknown spot or domain, fewer than 10
        spots with an embedding, one whose neighbours are mostly copies.

    Notes
    -----
    Diffusion pseudotime (Haghverdi et al. 2016, Nat Methods 13:845) on scanpy's
    diffusion map, whose eigenvectors, those of the symmetric operator, are divided by
    the first: scanpy's ``tl.dpt`` leaves the square root of density in them, and folds
    a line that is sampled more densely at its ends. Pseudotime has no direction of
    its own: one that plain distance explains, or that another root of the domain turns
    around, says nothing new.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))
    >>> hb.run_integration(bulb, "nichepca")
    >>> facts = hb.trace_gradient(
    ...     bulb, root_domain="Granular cell layer", by="layer"
    ... )
    >>> bulb.obs["pseudotime"].min()
    np.float64(0.0)
    """
    contract.unique_names(adata)
    values, spots = _embedded(adata, embedding)
    root = _root(adata, values, spots, root_spot, root_domain, root_point, by)
    others = _other_roots(adata, root, spots, by, roots, seed)
    times = _pseudotimes(
        values[spots], np.searchsorted(spots, [root, *others]), neighbours
    )
    time = np.full(adata.n_obs, np.nan)
    time[spots] = times[0]
    known = None if order is None else _ordered(adata, order)
    facts = {
        "root": str(adata.obs_names[root]),
        "n_unreached": int(np.isnan(times[0]).sum()),
        "roots": adata.obs_names[others].tolist(),
        "root_sensitivity": [spearman(times[0], other) for other in times[1:]],
        **_against_distance(adata, values, time, root, known),
    }
    adata.obs[key_added] = time
    settings = {"verb": "trace_gradient", "embedding": embedding, "seed": seed}
    made = {"neighbours": neighbours, "by": by, "version": __version__}
    contract.record(adata, key_added, settings | made | facts)
    return facts


def _embedded(adata: AnnData, key: str) -> tuple[np.ndarray, np.ndarray]:
    if key not in adata.obsm:
        raise ContractError(
            f'an embedding in obsm["{key}"], e.g. from run_integration '
            "(reducedDim and runIntegration in R)",
            "none",
            adata.obsm.keys(),
        )
    values = np.asarray(adata.obsm[key], dtype=float)
    spots = np.flatnonzero(np.isfinite(values).all(axis=1))
    if len(spots) < LEAST_SPOTS:
        raise ContractError(f"{LEAST_SPOTS} spots with an embedding", str(len(spots)))
    return values, spots


def _root(
    adata: AnnData,
    values: np.ndarray,
    spots: np.ndarray,
    spot: str | None,
    domain: str | None,
    point: Sequence[float] | None,
    by: str,
) -> int:
    """Position of the one root that was asked for."""
    if sum(given is not None for given in (spot, domain, point)) != 1:
        raise ContractError(
            "exactly one of root_spot, root_domain and root_point",
            f"{spot!r}, {domain!r} and {point!r}",
        )
    if spot is not None:
        if spot not in adata.obs_names[spots]:
            raise ContractError(
                "the name of a spot with an embedding", repr(spot), adata.obs_names
            )
        return int(adata.obs_names.get_loc(spot))
    if domain is not None:
        column = contract.obs_column(adata, by, "domains")
        mine = spots[(column.iloc[spots].astype(str) == str(domain)).to_numpy()]
        if not len(mine):
            raise ContractError(
                f"a level of obs[{by!r}]", repr(domain), column.dropna().unique()
            )
        gap = ((values[mine] - values[mine].mean(axis=0)) ** 2).sum(axis=1)
        return int(mine[gap.argmin()])
    place = np.asarray(point, dtype=float).ravel()
    if place.shape != (2,) or not np.isfinite(place).all():
        raise ContractError("root_point as x and y in pixels", repr(point))
    gap = ((contract.coordinates(adata)[spots] - place) ** 2).sum(axis=1)
    return int(spots[gap.argmin()])


def _other_roots(
    adata: AnnData, root: int, spots: np.ndarray, by: str, roots: int, seed: int
) -> np.ndarray:
    """Spots of the root's domain in its section, else the nearest ones."""
    names = contract.section_names(adata).to_numpy()
    others = spots[(names[spots] == names[root]) & (spots != root)]
    if by in adata.obs and pd.notna(adata.obs[by].iloc[root]):
        column = adata.obs[by]
        same = others[(column.iloc[others] == column.iloc[root]).to_numpy()]
        rng = np.random.default_rng(seed)
        return rng.choice(same, min(roots, len(same)), replace=False)
    gap = _distance(contract.coordinates(adata), root)[others]
    return others[np.argsort(gap, kind="stable")[:roots]]


def _distance(points: np.ndarray, root: int) -> np.ndarray:
    return np.linalg.norm(points - points[root], axis=1)


def _pseudotimes(values: np.ndarray, roots: np.ndarray, neighbours: int) -> np.ndarray:
    """Pseudotime (roots, n) from every root that a path joins to the first.

    NaN for spots, and from roots, that none does.
    """
    parts = _neighbourhoods(values, neighbours)
    mine = np.flatnonzero(parts == parts[roots[0]])
    scaled = _diffusion(values[mine], neighbours)
    times = np.full((len(roots), len(values)), np.nan)
    for i in np.flatnonzero(parts[roots] == parts[roots[0]]):
        root = np.searchsorted(mine, roots[i])
        apart = np.linalg.norm(scaled - scaled[root], axis=1)
        times[i, mine] = apart / max(apart.max(), 1e-300)
    return times


def _neighbourhoods(values: np.ndarray, neighbours: int) -> np.ndarray:
    """Number (n,) of the connected part of the neighbour graph a spot is in."""
    from scipy.sparse.csgraph import connected_components

    graph = graphs.knn_graph(values, np.zeros(len(values)), neighbours - 1)
    return connected_components(graph, directed=False)[1]


def _diffusion(values: np.ndarray, neighbours: int) -> np.ndarray:
    """Components (n, d) whose Euclidean distance is that of diffusion pseudotime."""
    import scanpy as sc
    from anndata import AnnData

    if len(values) < LEAST_SPOTS:
        raise ContractError(f"{LEAST_SPOTS} spots joined to the root", str(len(values)))
    cells = AnnData(obsm={"X": values.astype(np.float32)})
    near = min(neighbours, len(values) - 1)
    # The Gaussian kernel is the one that diffusion pseudotime was defined with.
    sc.pp.neighbors(cells, near, use_rep="X", method="gauss", random_state=0)
    if not np.isfinite(cells.obsp["connectivities"].data).all():
        raise ContractError(
            "an embedding that tells a spot from most of its neighbours",
            "spots whose neighbours are all but the same",
            "more neighbours",
        )
    sc.tl.diffmap(cells, n_comps=min(COMPONENTS, len(values) - 2), random_state=0)
    components = cells.obsm["X_diffmap"].astype(float)
    rate = cells.uns["diffmap_evals"][1:].astype(float)
    return components[:, 1:] / components[:, :1] * (rate / (1 - rate))


def _ordered(adata: AnnData, key: str) -> np.ndarray:
    column = contract.obs_column(adata, key, "a known order")
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        return column.cat.codes.replace(-1, np.nan).to_numpy(dtype=float)
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=float)
    raise ContractError(
        f"numbers or ordered categories in obs[{key!r}]", str(column.dtype)
    )


def _against_distance(
    adata: AnnData,
    values: np.ndarray,
    time: np.ndarray,
    root: int,
    order: np.ndarray | None,
) -> dict[str, float]:
    """How much of the pseudotime plain distance from the root explains."""
    names = contract.section_names(adata).to_numpy()
    mine = names == names[root]
    distance = _distance(contract.coordinates(adata), root)[mine]
    apart = np.linalg.norm(values - values[root], axis=1)[mine]
    time = time[mine]
    facts = {
        "distance_share": spearman(time, distance) ** 2,
        "partial": partial_spearman(time, apart, distance),
    }
    if order is not None:
        order = order[mine]
        facts["order_correlation"] = spearman(time, order)
        facts["order_partial"] = partial_spearman(time, order, distance)
        facts["order_of_distance"] = spearman(distance, order)
    return facts


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman correlation over pairs without NaN; NaN where one is constant."""
    both = np.isfinite(x) & np.isfinite(y)
    ranks = pd.DataFrame({"x": x[both], "y": y[both]}).rank()
    return float(ranks["x"].corr(ranks["y"]))


def partial_spearman(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> float:
    """Spearman correlation of ``x`` and ``y`` given a third, over complete rows."""
    full = np.isfinite(x) & np.isfinite(y) & np.isfinite(given)
    x, y, given = x[full], y[full], given[full]
    xy, xz, yz = spearman(x, y), spearman(x, given), spearman(y, given)
    rest = (1 - xz**2) * (1 - yz**2)
    return float((xy - xz * yz) / np.sqrt(rest)) if rest > 1e-12 else float("nan")
