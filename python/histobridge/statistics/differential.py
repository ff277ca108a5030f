"""The verb that compares expression between groups of spots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, graphs
from histobridge.contract import ContractError
from histobridge.normalisation import log_normalise
from histobridge.statistics.discovery import benjamini_hochberg
from histobridge.statistics.gls import EXACT_SPOTS, Fit, fit_gls

if TYPE_CHECKING:
    from anndata import AnnData


def test_spatial_de(
    adata: AnnData,
    by: str,
    *,
    group: str | None = None,
    reference: str | None = None,
    covariates: Sequence[str] = (),
    genes: Sequence[str] | None = None,
    exact: int = EXACT_SPOTS,
    neighbours: int = 20,
    seed: int = 0,
) -> pd.DataFrame:
    """Test every gene for a difference that spatial correlation does not explain.

    Reads counts, positions, sections and ``obs`` columns; writes nothing.
    Neighbouring spots are alike whatever their group, so a t-test finds differences
    between any two regions; here residuals are correlated by ``exp(-distance /
    range)`` within a section, beside a nugget, both fitted for every gene.

    Parameters
    ----------
    by
        ``obs`` column: groups, or a number of which the slope is tested unless a
        ``group`` is named. Spots where it is missing, or without counts, are left
        out.
    group
        Which level of ``by`` is compared; may be left out where there are two
        levels, and is then the last.
    reference
        Level that it is compared with; default all other spots.
    covariates
        ``obs`` columns, groups or numbers, that are adjusted for.
    genes
        Which; default all.
    exact
        Largest section treated exactly; beyond it each spot depends on its nearest
        ``neighbours`` among those earlier in a random order of this ``seed``.

    Returns
    -------
    One row per gene, smallest ``p_value`` first: ``estimate`` (difference, or slope,
    of log1p counts per 10,000), ``std_error``, ``statistic``, ``df``, ``p_value``
    (also for the uncertainty of range and nugget, so above that of ``statistic``),
    ``fdr`` (Benjamini-Hochberg), ``range`` (microns, pixels where no scale is known)
    and ``nugget``. A gene that does not vary, or only as the groups and covariates
    do, has NaN.

    Raises
    ------
    ContractError
        Columns, levels or genes that are absent; a level without spots; covariates
        that determine ``by``.

    Notes
    -----
    STdiff (Ospina et al. 2024) tests with such a covariance the genes that a t-test
    has picked; here every gene is tested, so that the false discovery rate holds
    over all of them.

    Examples
    --------
    >>> import histobridge as hb
    >>> bulb = hb.data.example_bulb(("Rep4",))[:, :20]
    >>> table = hb.test_spatial_de(bulb, "layer", group="Granular cell layer")
    >>> table.columns[:3].tolist()
    ['estimate', 'std_error', 'statistic']
    """
    contract.unique_names(adata)
    spots, tested = _tested(adata, by, group, reference)
    design = _design(adata, spots, tested, by, covariates)
    columns = _genes(adata, genes)
    values = log_normalise(contract.counts(adata))[spots][:, columns].toarray()
    table = pd.DataFrame(
        np.nan, index=adata.var_names[columns], columns=list(_COLUMNS), dtype=float
    )
    varies = _varies(values, design)
    if varies.any():
        fit = fit_gls(
            values[:, varies],
            design,
            graphs.positions_microns(adata)[spots],
            graphs.section_codes(adata)[spots],
            exact=exact,
            neighbours=neighbours,
            seed=seed,
        )
        table.loc[varies] = _columns(fit)
    return table.sort_values("p_value", kind="stable")


setattr(test_spatial_de, "__test__", False)  # noqa: B010  Not for pytest.

_COLUMNS = (
    "estimate",
    "std_error",
    "statistic",
    "df",
    "p_value",
    "fdr",
    "range",
    "nugget",
)


def _columns(fit: Fit) -> np.ndarray:
    statistic = fit.estimate / fit.std_error
    p = fit.p_value()
    fdr = benjamini_hochberg(p)
    first = (fit.estimate, fit.std_error, statistic, fit.df, p, fdr)
    return np.column_stack([*first, fit.scale, fit.nugget])


def _tested(
    adata: AnnData, by: str, group: str | None, reference: str | None
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the spots compared and the variable tested on them."""
    column = contract.obs_column(adata, by, "groups or a covariate")
    full = ~contract.empty_spots(adata)
    if _is_number(column) and group is None and reference is None:
        spots = np.flatnonzero(column.notna() & full)
        return spots, column.to_numpy(dtype=float)[spots]
    codes, found = pd.factorize(column.astype(object), sort=True)
    levels = [_name(level) for level in found]
    group, reference = (g if g is None else _name(g) for g in (group, reference))
    if group is None:
        if len(levels) != 2:
            raise ContractError("a group = to compare", "none", levels)
        group = next(level for level in levels[::-1] if level != reference)
    for level in (group, reference):
        if level is not None and level not in levels:
            raise ContractError(f"a level of obs[{by!r}]", repr(level), levels)
    text = np.array([*levels, None], dtype=object)[codes]
    inside = text == group
    kept = codes >= 0 if reference is None else inside | (text == reference)
    spots = np.flatnonzero(kept & full)
    return spots, inside.astype(float)[spots]


def _name(level: object) -> str:
    """Name of a level; whole numbers are the same level whatever holds them."""
    whole = isinstance(level, float | np.floating) and float(level).is_integer()
    return str(int(level)) if whole else str(level)  # type: ignore[call-overload]


def _is_number(column: pd.Series) -> bool:
    numeric = pd.api.types.is_numeric_dtype(column)
    return numeric and not pd.api.types.is_bool_dtype(column)


def _design(
    adata: AnnData,
    spots: np.ndarray,
    tested: np.ndarray,
    by: str,
    covariates: Sequence[str],
) -> np.ndarray:
    """Intercept, the variable tested, and covariates: (n, p) of full rank."""
    covariates = [covariates] if isinstance(covariates, str) else covariates
    columns = [np.ones(len(spots)), tested]
    for name in covariates:
        column = contract.obs_column(adata, name, "a covariate").iloc[spots]
        if column.isna().any():
            missing = f"{int(column.isna().sum())} missing"
            raise ContractError(f"a value of obs[{name!r}] for every spot", missing)
        if _is_number(column):
            columns.append(column.to_numpy(dtype=float))
        else:
            dummies = pd.get_dummies(column.astype(str), drop_first=True, dtype=float)
            columns += list(dummies.to_numpy().T)
    design = np.column_stack(columns)
    if not np.isfinite(design).all():
        raise ContractError(f"finite obs[{by!r}] and covariates", "infinite values")
    # Columns of equal size, so that the rank does not depend on their units.
    size = np.linalg.norm(design, axis=0)
    scaled = design / np.where(size > 0, size, 1)
    rank = int(np.linalg.matrix_rank(scaled)) if len(spots) else 0
    if rank < design.shape[1] or len(spots) <= rank:
        raise ContractError(
            f"obs[{by!r}] to differ between spots beyond its covariates",
            f"rank {rank} of {design.shape[1]} columns on {len(spots)} spots",
        )
    return design


def _varies(values: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Which genes (genes,) of ``values`` vary beyond what the design determines."""
    basis = np.linalg.qr(design)[0]
    rest = values - basis @ (basis.T @ values)
    return np.linalg.norm(rest, axis=0) > 1e-9 * np.linalg.norm(values, axis=0)


def _genes(adata: AnnData, genes: Sequence[str] | None) -> np.ndarray:
    if genes is None:
        return np.arange(adata.n_vars)
    genes = [genes] if isinstance(genes, str) else list(genes)
    found = adata.var_names.get_indexer(genes)
    if (found < 0).any():
        absent = [gene for gene, at in zip(genes, found, strict=True) if at < 0]
        raise ContractError("genes among the features", absent, adata.var_names)
    return found
