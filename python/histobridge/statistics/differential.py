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
        ``obs`` column: groups, or a number of which the slope is tested. Spots where
        it is missing are left out.
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
    and ``nugget``. A gene that does not vary has NaN.

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
    varies = np.ptp(values, axis=0) > 0
    fit = fit_gls(
        values[:, varies],
        design,
        graphs.positions_um(adata)[spots],
        graphs.section_codes(adata)[spots],
        exact=exact,
        neighbours=neighbours,
        seed=seed,
    )
    table = pd.DataFrame(
        np.nan, index=adata.var_names[columns], columns=list(_COLUMNS), dtype=float
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
    if _is_number(column):
        spots = np.flatnonzero(column.notna())
        return spots, column.to_numpy(dtype=float)[spots]
    text = column.astype(object).where(column.notna())
    levels = [str(level) for level in pd.Series(text.dropna().unique()).sort_values()]
    if group is None:
        if len(levels) != 2:
            raise ContractError("a group = to compare", "none", levels)
        group = next(level for level in levels[::-1] if level != reference)
    for level in (group, reference):
        if level is not None and level not in levels:
            raise ContractError(f"a level of obs[{by!r}]", repr(level), levels)
    text = text.astype(str).where(column.notna())
    kept = text.notna() if reference is None else text.isin([group, reference])
    spots = np.flatnonzero(kept)
    return spots, (text == group).to_numpy(dtype=float)[spots]


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
    # Columns of equal size, so that the rank does not depend on their units.
    size = np.linalg.norm(design, axis=0)
    rank = np.linalg.matrix_rank(design / np.where(size > 0, size, 1))
    if rank < design.shape[1] or len(spots) <= rank:
        raise ContractError(
            f"obs[{by!r}] to differ between spots beyond its covariates",
            f"rank {rank} of {design.shape[1]} columns on {len(spots)} spots",
        )
    return design


def _genes(adata: AnnData, genes: Sequence[str] | None) -> np.ndarray:
    if genes is None:
        return np.arange(adata.n_vars)
    genes = [genes] if isinstance(genes, str) else list(genes)
    found = adata.var_names.get_indexer(genes)
    if (found < 0).any():
        absent = [gene for gene, at in zip(genes, found, strict=True) if at < 0]
        raise ContractError("genes among the features", absent, adata.var_names)
    return found
