"""What every published system returns, and the one class that carries it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from histobridge import keys
from histobridge.contract import ContractError
from histobridge.deconvolution.signatures import Signatures

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Estimate:
    """Proportions and what a system knows beside them.

    Attributes
    ----------
    proportions : (n_spots, n_types)
        Rows sum to 1.
    spots
        Values (n_spots,) by name, for ``obs``.
    tables
        (n_spots, n_types) by name among ``lower``, ``upper``, ``abundance``.
    settings
        What was chosen, e.g. ``sigma``.
    """

    proportions: np.ndarray
    spots: dict[str, np.ndarray] = field(default_factory=dict)
    tables: dict[str, np.ndarray] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


TABLES = ("lower", "upper", "abundance")
"""What a system may offer beside proportions, for every spot and type."""


def fit_tables(
    model: Any, adata: AnnData, counts: sp.csr_matrix, signatures: Signatures
) -> dict[str, np.ndarray]:
    """Proportions, and what the system offers of ``TABLES``, (n_spots, n_types) each.

    A type that no shared gene shows cannot be told from any other: no system sees it,
    and it is 0 everywhere.

    Raises
    ------
    ContractError
        The genes show fewer than two types.
    """
    shown = signatures.shown()
    if len(shown) < 2:
        raise ContractError(
            "two cell types with counts in the shared genes",
            [signatures.types[k] for k in shown],
            signatures.types,
        )
    part = signatures
    if len(shown) < len(signatures.types):
        part = signatures.of_types(shown)
    found = {keys.PROPORTIONS: model.fit_predict(adata, counts, part)}
    found |= {n: getattr(model, f"{n}_") for n in TABLES if hasattr(model, f"{n}_")}
    whole = {}
    for name, values in found.items():
        whole[name] = np.zeros((counts.shape[0], len(signatures.types)))
        whole[name][:, shown] = values
    return whole


Solve = Callable[..., Estimate]


class Deconvolver:
    """An estimator around ``solve(adata, counts, signatures, **params)``."""

    def __init__(self, solve: Solve, **params: Any):
        self.solve = solve
        self.params = params

    def fit_predict(
        self, adata: AnnData, counts: sp.csr_matrix, signatures: Signatures
    ) -> np.ndarray:
        """Proportions (n_spots, n_types); the rest as attributes."""
        found = self.solve(adata, counts, signatures, **self.params)
        self.spots_ = found.spots
        for name, values in {**found.tables, **found.settings}.items():
            setattr(self, f"{name}_", values)
        return found.proportions


def deconvolver(solve: Solve) -> Callable[..., Deconvolver]:
    """Make a factory of ``solve(adata, counts, signatures, *, ...)``.

    It takes the parameters after the star with their defaults, which are thus written
    once.
    """
    own = inspect.signature(solve)
    parameters = [p for p in own.parameters.values() if p.kind is p.KEYWORD_ONLY]

    @functools.wraps(solve)
    def create(**params: Any) -> Deconvolver:
        return Deconvolver(solve, **params)

    create.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return create
