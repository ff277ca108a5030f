"""How well sections lie over one another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from histobridge import graphs
from histobridge.contract import ContractError


def landmark_error(
    positions: Sequence[np.ndarray], names: Sequence[pd.Series]
) -> float:
    """Root mean squared distance between equal landmarks of neighbouring sections.

    Parameters
    ----------
    positions
        (n, 2) of every section, in one frame.
    names
        Landmark of every spot, missing where it is none; a landmark that several
        spots carry is their mean.

    Raises
    ------
    ContractError
        When no two neighbouring sections have a landmark in common.
    """
    places = [
        pd.DataFrame(points, columns=["x", "y"])
        .groupby(name.astype(object).to_numpy(), dropna=True)
        .mean()
        for points, name in zip(positions, names, strict=True)
    ]
    squares: list[float] = []
    for one, other in zip(places[1:], places[:-1], strict=True):
        common = one.index.intersection(other.index)
        apart = one.loc[common].to_numpy() - other.loc[common].to_numpy()
        squares += list((apart**2).sum(axis=1))
    if not squares:
        raise ContractError(
            "landmarks that neighbouring sections have in common",
            "none",
            [len(place) for place in places],
        )
    return float(np.sqrt(np.mean(squares)))


def label_agreement(
    moving: np.ndarray,
    fixed: np.ndarray,
    moving_labels: pd.Series,
    fixed_labels: pd.Series,
) -> float:
    """Share of spots whose nearest spot of the other section has the same label.

    Spots without a label on either side do not count.
    """
    own = moving_labels.astype(object).to_numpy()
    match = graphs.nearest(fixed, 1, moving)[1][:, 0]
    other = fixed_labels.astype(object).to_numpy()[match]
    known = ~(pd.isna(own) | pd.isna(other))
    return float((own[known] == other[known]).mean())
