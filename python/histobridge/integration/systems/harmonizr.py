"""HarmonizR: batch correction of genes grouped by where they are observed.

Voss et al. 2022 (Nat Commun 13:3523) for proteomes: features seen in the same set
of batches form one sub-matrix, each is corrected by ComBat, and nothing is imputed.
Here batches are sections, so that sections of different panels keep their own genes.

It is no domain method: the corrected genes go to principal components without any
use of space. Deviations: ComBat's empirical Bayes adjustment of means and variances
in closed form, on log-normalised counts of spots; a gene that a section lacks is at
the mean of the corrected ones.

Evidence: none on domains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import graphs
from histobridge.integration.base import Integrator
from histobridge.integration.embedding import component_scores
from histobridge.integration.features import log_genes
from histobridge.integration.heads import Mixture
from histobridge.registry import system

if TYPE_CHECKING:
    from anndata import AnnData


@system(
    "harmonizr",
    task="domains",
    needs=("counts",),
    paper="Voss et al. 2022, Nat Commun 13:3523",
    evidence="none on domains",
    deviations="sections as batches; spots instead of proteomes",
)
def harmonizr(*, components: int = 30, seed: int = 0) -> Integrator:
    """Section effects removed by ComBat per pattern of observed genes."""

    def embed(adata: AnnData, seed: int) -> np.ndarray:
        genes = log_genes(adata, 2000).toarray()
        corrected = combat_by_pattern(genes, graphs.section_codes(adata))
        return component_scores(sp.csr_matrix(corrected), components, seed=seed)

    return Integrator(embed, Mixture(), seed=seed)


def combat_by_pattern(values: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """Correct (n, genes) pattern by pattern; a gene all zero in a batch is absent."""
    names = np.unique(batches)
    seen = np.stack([(values[batches == b] != 0).any(axis=0) for b in names])
    out = np.zeros_like(values)
    for pattern in np.unique(seen, axis=1).T:
        columns = np.flatnonzero((seen == pattern[:, None]).all(axis=0))
        rows = np.isin(batches, names[pattern])
        if pattern.any():
            block = values[np.ix_(rows, columns)]
            out[np.ix_(rows, columns)] = combat(block, batches[rows])
    return out


def combat(values: np.ndarray, batches: np.ndarray) -> np.ndarray:
    """ComBat's location and scale adjustment (Johnson et al. 2007), centred."""
    mean = values.mean(axis=0)
    spread = np.maximum(values.std(axis=0), 1e-8)
    z = (values - mean) / spread
    if len(np.unique(batches)) < 2:
        return z * spread
    for batch in np.unique(batches):
        part = z[batches == batch]
        shift, scale = part.mean(axis=0), part.var(axis=0)
        n = len(part)
        # Each gene's estimate is drawn toward that of all genes of the batch.
        prior = max(float(shift.var()), 1e-8)
        shift = (n * prior * shift + scale * shift.mean()) / (n * prior + scale)
        level, width = float(scale.mean()), max(float(scale.var()), 1e-8)
        shape = level**2 / width + 2
        rate = level * (shape - 1)
        squares = ((part - shift) ** 2).sum(axis=0)
        scale = (rate + squares / 2) / (n / 2 + shape - 1)
        z[batches == batch] = (part - shift) / np.sqrt(np.maximum(scale, 1e-8))
    return z * spread
