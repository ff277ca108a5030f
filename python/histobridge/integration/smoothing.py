"""How strongly to smooth over neighbours, chosen without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import graphs
from histobridge.integration.embedding import DIRECT_LIMIT, GraphSmoother

if TYPE_CHECKING:
    from anndata import AnnData

STRENGTHS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
PROBES = 60


def choose_strength(
    scores: np.ndarray,
    smoother: GraphSmoother,
    *,
    strengths: tuple[float, ...] = STRENGTHS,
    components: int = 15,
    seed: int = 0,
) -> tuple[float, dict[float, float]]:
    """Smoothing strength of least generalised cross-validation error.

    A spot is predicted from its neighbours by the smoother S; the error
    ``||x - S x||^2 / (1 - tr(S) / n)^2`` (Golub, Heath & Wahba 1979, Technometrics
    21:215) treats what a spot does not share with its surroundings as noise: cell
    types in single-cell data, counting noise in spots. Thin layers call for little
    smoothing, broad domains for much.

    Parameters
    ----------
    scores
        (n_spots, d) principal component scores; the first ``components`` count, by
        their variance.

    Returns
    -------
    The chosen strength, and the error of each strength as a share of the variance.
    """
    x = scores[:, :components] - scores[:, :components].mean(axis=0)
    total = max(float((x**2).sum()), 1e-12)
    errors = {}
    for strength in strengths:
        smooth, own = own_share(x, smoother, strength, seed=seed)
        residual = float(((x - smooth) ** 2).sum())
        errors[strength] = residual / max(1.0 - own.mean(), 1e-6) ** 2 / total
    return min(errors, key=errors.__getitem__), errors


def own_share(
    x: np.ndarray, smoother: GraphSmoother, strength: float, *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed ``x`` (n, d), and the weight (n,) of a spot in its own smoothed value.

    The diagonal of the smoother is estimated from random signs (Hutchinson;
    Bekas, Kokiopoulou & Saad 2007, Appl Numer Math 57:1214): exact ones would need
    n solves.
    """
    rng = np.random.default_rng(seed)
    probes = rng.choice([-1.0, 1.0], size=(len(x), PROBES))
    smooth = smoother(np.hstack([x, probes]), strength)
    own = (probes * smooth[:, x.shape[1] :]).mean(axis=1)
    return smooth[:, : x.shape[1]], own


def strength_of_tissue(
    scores: np.ndarray, graph: sp.csr_matrix, adata: AnnData, seed: int = 0
) -> float:
    """Strength that predicts best on ``graph``; of many spots, on one tile."""
    spots, smoother = smoother_of_some(graph, adata)
    return choose_strength(scores[spots], smoother, seed=seed)[0]


def smoother_of_some(
    graph: sp.csr_matrix, adata: AnnData
) -> tuple[np.ndarray, GraphSmoother]:
    """Spots that choose a strength, and their smoother: all, or one tile of many."""
    spots = np.arange(adata.n_obs)
    if adata.n_obs > DIRECT_LIMIT:
        points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
        cut = graphs.tiles(graph, points, sections, size=DIRECT_LIMIT, halo=0)
        tile = next(cut)
        graph, spots = tile.graph, tile.spots
    return spots, GraphSmoother(graphs.laplacian(graph))
