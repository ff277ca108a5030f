"""Count thinning: two parts of the same counts with independent noise."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def split_counts(
    counts: sp.csr_matrix, seed: int | np.random.Generator = 0, share: float = 0.5
) -> tuple[sp.csr_matrix, sp.csr_matrix]:
    """Give every molecule to the first of two parts with chance ``share``.

    Both are (n, genes) and sum to ``counts``. Parts of Poisson counts are independent
    given their mean, so what is found on one may be tested on the other (Neufeld et
    al. 2024, Biostatistics 25:270). With dispersion between spots beyond Poisson they
    keep some correlation.
    """
    first = sp.csr_matrix(counts, dtype=float, copy=True)
    rng = np.random.default_rng(seed)
    first.data = rng.binomial(first.data.astype(np.int64), share).astype(float)
    second = sp.csr_matrix(counts - first)
    for part in (first, second):
        part.eliminate_zeros()
    return first, second
