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
    rng = np.random.default_rng(seed)
    # Hutchinson's estimate of the trace: exact traces would need n solves.
    probes = rng.choice([-1.0, 1.0], size=(len(x), PROBES))
    errors = {}
    for strength in strengths:
        smooth = smoother(np.hstack([x, probes]), strength)
        share = float((probes * smooth[:, x.shape[1] :]).sum()) / probes.size
        residual = float(((x - smooth[:, : x.shape[1]]) ** 2).sum())
        errors[strength] = residual / max(1.0 - share, 1e-6) ** 2 / total
    return min(errors, key=errors.__getitem__), errors


def strength_of_tissue(
    scores: np.ndarray, graph: sp.csr_matrix, adata: AnnData, seed: int = 0
) -> float:
    """Strength that predicts best on ``graph``; of many spots, on one tile."""
    spots = np.arange(len(scores))
    if len(scores) > DIRECT_LIMIT:
        points, sections = graphs.positions_um(adata), graphs.section_codes(adata)
        cut = graphs.tiles(graph, points, sections, size=DIRECT_LIMIT, halo=0)
        tile = next(cut)
        graph, spots = tile.graph, tile.spots
    smoother = GraphSmoother(graphs.laplacian(graph))
    return choose_strength(scores[spots], smoother, seed=seed)[0]
