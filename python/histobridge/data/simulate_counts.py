"""Expression profiles of simulated cell types, and counts drawn from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp

from histobridge.data.simulate_fields import stream


def type_names(n_types: int) -> list[str]:
    """Return the names of the cell types."""
    return [f"type{i + 1}" for i in range(n_types)]


def type_profiles(
    seed: int, n_genes: int, n_types: int
) -> tuple[np.ndarray, pd.Categorical]:
    """Return what each type expresses, and which type each gene marks.

    Returns
    -------
    Expected shares of counts (n_types, n_genes), whose rows sum to 1, and a
    categorical over genes of the marked type or ``none``.
    """
    rng = stream(seed, "profiles")
    profiles = rng.lognormal(0, 1, n_genes) * rng.lognormal(0, 0.2, (n_types, n_genes))
    each = max(1, n_genes // (2 * n_types))
    genes = rng.permutation(n_genes)[: each * n_types]
    marked = np.full(n_genes, -1)
    marked[genes] = np.repeat(np.arange(n_types), each)
    profiles[marked[genes], genes] *= np.exp(rng.uniform(1.2, 2.4, len(genes)))
    names = ["none", *type_names(n_types)]
    shares = profiles / profiles.sum(axis=1, keepdims=True)
    return shares, pd.Categorical.from_codes(marked + 1, names)


def platform_factor(seed: int, name: str, n_genes: int, sd: float) -> np.ndarray:
    """Factor per gene (n_genes,) of the platform with this stream name."""
    return np.exp(sd * stream(seed, name).standard_normal(n_genes))


def draw_counts(
    mean: np.ndarray,
    depth: float,
    depth_cv: float,
    dispersion: float,
    rng: np.random.Generator,
) -> sp.csr_matrix:
    """Negative-binomial counts whose expected shares are the rows of ``mean``."""
    variance = np.log1p(depth_cv**2)
    depths = depth * rng.lognormal(-variance / 2, np.sqrt(variance), len(mean))
    noise = rng.gamma(1 / dispersion, dispersion, mean.shape)
    return sp.csr_matrix(rng.poisson(depths[:, None] * mean * noise), dtype=float)
