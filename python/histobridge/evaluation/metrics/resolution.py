"""Whether a finer map adds up to what was measured."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def aggregation_error(
    values: np.ndarray, counts: sp.csr_matrix, member: sp.csr_matrix
) -> float:
    """Absolute differences between spots and the sums of their points.

    Parameters
    ----------
    values
        (n_points, genes).
    counts
        (n_spots, genes) measured.
    member
        (n_spots, n_points) of ones.

    Returns
    -------
    Share of all counts.
    """
    wrong = np.abs(member @ values - counts).sum()
    return float(wrong / max(counts.sum(), 1))
