"""Graph PCA over a small grid, shared-covariance mixtures, consensus, ring vote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import contract, graphs
from histobridge.contract import ContractError
from histobridge.integration.consensus import agreement, coassociation
from histobridge.integration.embedding import (
    GraphSmoother,
    graph_components,
    leading_components,
    principal_components,
)
from histobridge.integration.features import image_components
from histobridge.integration.image_choice import (
    COMPONENTS,
    choose_image_weight,
    with_image,
)
from histobridge.integration.mixture import SharedCovarianceMixture
from histobridge.integration.refinement import ring_vote
from histobridge.integration.selection import number_of_domains
from histobridge.integration.settled import settled_strength
from histobridge.integration.smoothing import choose_strength, smoother_of_some

if TYPE_CHECKING:
    from anndata import AnnData

THICK = 0.8

Starts = tuple[str, ...]
BOTH: Starts = ("kmeans", "ward")

PANEL: tuple[tuple[bool, Starts], ...] = ((False, ("kmeans",)), (True, ("ward",)))
TRANSCRIPTOME: tuple[tuple[bool, Starts], ...] = ((True, BOTH),)
"""Are genes brought to unit variance, and the starts of the mixtures on them.

The genes of a panel were chosen because they vary with the tissue: how much each does
finds the layers that few genes carry, and an equal say of all finds those of many weak
ones, so the members of a panel see both. The most variable genes of a transcriptome are
its most abundant ones first of all, so there all have an equal say
(dev/benchmarks/results/thinned.csv).
"""


@dataclass
class View:
    """One normalisation of the genes.

    Attributes
    ----------
    scores
        (n_spots, components) principal component scores.
    starts
        Of the mixtures.
    best, strength
        Smoothing that predicts spots best, and the least that settles the domains.
    """

    scores: np.ndarray
    starts: Starts
    best: float = np.nan
    strength: float = np.nan


class GraphPCAConsensus:
    """Domains by closed-form graph PCA and consensus.

    Parameters
    ----------
    neighbours
        Of the spatial graph within each section.
    dimensions, factors
        The grid: components kept (at most a tenth of the spots), and multiples of
        the least smoothing that settles the domains.
    views
        Pairs: are genes brought to unit variance, and the starts of the mixtures.
        Default: ``PANEL`` where all genes enter, ``TRANSCRIPTOME`` where the variable
        ones are picked.
    genes, components
        Variable genes and principal components that enter.
    image
        Whether image features, where there are any, may enter; they do if they help
        to predict genes held out (:func:`choose_image_weight`).
    seed
        Of the mixtures' starts and subsamples, of the anchors of the consensus, and
        of the trace probes.

    Attributes
    ----------
    embedding_ : (n_spots, d), smoothed as predicts best
    strength_, agreement_, k_ : least smoothing of the grid (genes as they vary), mean
        ARI of members, domains
    """

    def __init__(
        self,
        *,
        neighbours: int = 6,
        dimensions: tuple[int, ...] = (6, 10, 15, 20, 30),
        factors: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0),
        views: Sequence[tuple[bool, Starts]] | None = None,
        genes: int = 2000,
        components: int = 40,
        image: bool = True,
        seed: int = 0,
    ):
        self.neighbours = neighbours
        self.dimensions = dimensions
        self.factors = factors
        self.views = views
        self.genes = genes
        self.components = components
        self.image = image
        self.seed = seed

    def fit(self, adata: AnnData) -> GraphPCAConsensus:
        """Embed every spot, smoothed as predicts it best from its neighbours."""
        contract.counts(adata)
        usual = PANEL if adata.n_vars <= self.genes else TRANSCRIPTOME
        self._views = [
            View(self._principal_components(adata, scale), starts)
            for scale, starts in self.views or usual
        ]
        self._directed = graphs.knn_graph(
            graphs.positions_microns(adata),
            graphs.section_codes(adata),
            self.neighbours,
        )
        near = graphs.symmetric(self._directed)
        self._tile, self._tile_smoother = smoother_of_some(near, adata)
        self._smoother = self._tile_smoother
        if len(self._tile) < adata.n_obs:
            self._smoother = GraphSmoother(graphs.laplacian(near))
        for view in self._views:
            tile = view.scores[self._tile]
            view.best = choose_strength(tile, self._tile_smoother, seed=self.seed)[0]
        first = self._views[0]
        # Nearly singular covariances make the mixture follow noise.
        most = max(2, min(first.scores.shape[1], adata.n_obs // 10))
        self._sizes = sorted({min(d, most) for d in self.dimensions})
        middle = self._sizes[len(self._sizes) // 2]
        self.facts_: dict[str, Any] = {"best_predicting_strength": float(first.best)}
        self._let_image_in(adata)
        self.embedding_ = graph_components(
            first.scores, self._smoother, first.best, self._sizes[-1]
        )[:, :middle]
        return self

    def _principal_components(self, adata: AnnData, scale: bool) -> np.ndarray:
        return principal_components(
            adata,
            self.components,
            genes=self.genes,
            scale=scale,
            to_median=True,
            seed=self.seed,
        )

    def _let_image_in(self, adata: AnnData) -> None:
        """Put image features beside the genes where they help to predict genes."""
        image = image_components(adata, COMPONENTS, self.seed) if self.image else None
        if image is None:
            self.facts_["image"] = "absent: genes only" if self.image else "not asked"
            return
        choice = choose_image_weight(
            adata[self._tile],
            image[self._tile],
            self._tile_smoother,
            self._views[0].best,
            size=self._sizes[-1],
            genes=self.genes,
            components=self.components,
            seed=self.seed,
        )
        self.facts_ |= choice.facts()
        for view in self._views if choice.weight else ():
            view.scores = with_image(view.scores, image, choice.weight)

    def fit_predict(self, adata: AnnData, k: int | None = None) -> np.ndarray:
        """Label (n_spots,) from 0; ``k=None`` chooses it without labels.

        Raises
        ------
        ContractError
            Fewer spots than domains.
        """
        if adata.n_obs < 2 * (k or 2):
            raise ContractError(f"at least {2 * (k or 2)} spots", adata.n_obs)
        self.fit(adata)
        self.k_ = k or number_of_domains(self.embedding_, self.seed)
        for view in self._views:
            view.strength = settled_strength(
                view.scores[self._tile],
                self._tile_smoother,
                self.k_,
                most=view.best,
                seed=self.seed,
            )[0]
        members = list(self._members())
        labels = coassociation(members, self.k_, seed=self.seed)
        self.agreement_ = agreement(members)
        self.strength_ = float(self._views[0].strength)
        self.facts_ |= {"strength": self.strength_, "agreement": self.agreement_}
        # Where neighbours predict little, layers are about one spot thick, which a
        # vote would eat.
        if self._views[0].best < THICK:
            return labels
        return ring_vote(labels, self._directed)

    def _members(self) -> Iterator[np.ndarray]:
        """Labels at every point of the grid, for every view."""
        for view in self._views:
            strengths = [view.strength * factor for factor in self.factors]
            for smooth in self._smoother.path(view.scores, strengths):
                # Components are nested: fewer of them are the first of more.
                widest = leading_components(view.scores, smooth, self._sizes[-1])
                for size, start in product(self._sizes, view.starts):
                    mixture = SharedCovarianceMixture(
                        self.k_, start=start, seed=self.seed
                    )
                    # Small integers: labels of all members are held at once.
                    yield mixture.fit_predict(widest[:, :size]).astype(np.int16)
