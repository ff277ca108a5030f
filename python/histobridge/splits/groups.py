"""Splitters by a column: section, patient, site or any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from histobridge import contract, keys
from histobridge.contract import ContractError
from histobridge.splits.base import Splitter

if TYPE_CHECKING:
    from anndata import AnnData


class LeaveOneGroupOut(Splitter):
    """Leave out one level of an ``obs`` column after the other.

    Parameters
    ----------
    key
        ``obs`` column.
    what
        How errors call it.
    """

    def __init__(self, key: str, what: str = "group"):
        self.key = key
        self.what = what

    def groups(self, adata: AnnData) -> pd.Series:
        """Group of every spot."""
        column = contract.obs_column(adata, self.key, self.what)
        if column.isna().any():
            raise ContractError(
                f"a {self.what} for every spot", f"{int(column.isna().sum())} missing"
            )
        return column.astype(str)

    def get_n_splits(
        self, adata: AnnData | None = None, y: None = None, groups: None = None
    ) -> int:
        """Return the number of groups."""
        if adata is None:
            raise ContractError(f"an object, to count its {self.what}s", "none")
        return self.groups(adata).nunique()

    def test_sets(self, adata: AnnData) -> Iterator[np.ndarray]:
        """Yield the spots of each group, in order of first appearance.

        Raises
        ------
        ContractError
            When the column is absent, has missing values or a single level.
        """
        codes, levels = pd.factorize(self.groups(adata))
        if len(levels) < 2:
            raise ContractError(
                f"at least two levels of {self.what}", f"only {list(levels)}"
            )
        for code in range(len(levels)):
            yield np.flatnonzero(codes == code)

    def name_of(self, adata: AnnData, index: int, test: np.ndarray) -> str:
        """``test`` and the group left out."""
        return f"test {self.groups(adata).iloc[test[0]]}"


class LeaveOneSectionOut(LeaveOneGroupOut):
    """Leave one tissue section out; siblings of its patient stay in training."""

    def __init__(self, key: str = keys.SECTION):
        super().__init__(key, "section")

    def groups(self, adata: AnnData) -> pd.Series:
        """Section of every spot."""
        if self.key == keys.SECTION:
            return contract.section_names(adata)
        return super().groups(adata)


class LeaveOnePatientOut(LeaveOneGroupOut):
    """Leave all sections of one patient out; the patient column is mandatory.

    A section must not hold spots of two patients.
    """

    def __init__(self, key: str = keys.PATIENT):
        super().__init__(key, "patient")

    def groups(self, adata: AnnData) -> pd.Series:
        """Patient of every spot.

        Raises
        ------
        ContractError
            Without a patient for every spot, or when a section holds spots of two.
        """
        patients = super().groups(adata)
        owners = patients.groupby(contract.section_names(adata), sort=False).nunique()
        if (owners > 1).any():
            raise ContractError(
                "one patient per section",
                f"several in section {owners.idxmax()!r}",
            )
        return patients


class LeaveOneSiteOut(LeaveOneGroupOut):
    """Leave all patients of one site (hospital, scanner, laboratory) out."""

    def __init__(self, key: str = keys.SITE):
        super().__init__(key, "site")
