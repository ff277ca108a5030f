"""The house deconvolver: Poisson mixture, platform effect, prior by held-out counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import keys
from histobridge.contract import ContractError
from histobridge.deconvolution import outputs, priors
from histobridge.deconvolution.calibration import intervals
from histobridge.deconvolution.gamma_poisson import (
    Posterior,
    maximum_likelihood,
    posterior,
)
from histobridge.deconvolution.held_out_genes import (
    GeneHalves,
    compact_part,
    strongest,
)
from histobridge.deconvolution.mixture import Mixture, gene_weights
from histobridge.deconvolution.priors import Cells
from histobridge.deconvolution.signatures import Signatures, with_background

if TYPE_CHECKING:
    from anndata import AnnData

STRENGTHS = (3.0, 10.0, 30.0)
GRAPHS = ("tissue", "spatial", "image")
IMAGES = ("use", "ignore", "shuffle")


class PoissonDeconvolver:
    """Counts of a spot as a Poisson mixture of type signatures.

    ``y_sg ~ Poisson(n_s m_g sum_k a_sk p_gk)`` with one platform factor ``m_g`` per
    gene (shrunk to 1) as in RCTD (Cable et al. 2022, Nat Biotechnol 40:517). With a
    graph, ``a_s`` has a Gamma prior around the composition of its neighbours, and
    its posterior mean is reported.

    Parameters
    ----------
    graph
        ``none`` (maximum likelihood), ``tissue`` (the composition of all spots),
        ``spatial`` (6 nearest spots), ``image`` (the same edges weighted by likeness
        of morphology) or ``auto``: the strongest that predicts genes
        left out as well, within one standard error, as the best one does.
    image
        ``use``, ``ignore`` or ``shuffle``: the ablations of the image graph.
    strengths
        Weights of the prior, in counts; ``auto`` chooses, otherwise the first.
    cells
        Proportions of cells (contributions divided by the size of a cell) instead
        of proportions of RNA.
    platform
        Pseudo-counts that shrink platform factors to 1.
    background
        Share of every signature that is the mean of all: cells leak, and a type of
        few cells has zeros by chance.
    level
        Coverage of the intervals, calibrated on spots simulated from the reference;
        ``None`` for none.
    nuclei
        Nuclei per spot: an ``obs`` column, or ``image`` to count them in the H&E.
        They make proportions abundances (cells per spot), are the number of cells
        in the prior, and make intervals those of spots of so many cells. ``image``
        ignores or shuffles them too.
    max_iter, tol
        Iterations, and the largest change of an amount that stops them.
    seed
        Of the thinning and of the calibration.

    Attributes
    ----------
    graph_, strength_ : chosen prior
    held_out_ : dict
        Mean gain per spot over no prior on genes left out.
    platform_ : (n_genes,)
    lower_, upper_ : (n_spots, n_types), where ``level`` is given
    abundance_ : (n_spots, n_types), where ``nuclei`` is given
    spots_ : dict of (n_spots,)
        ``residual``: Poisson deviance per gene.
    """

    def __init__(
        self,
        *,
        graph: str = "auto",
        image: str = "use",
        strengths: Sequence[float] = STRENGTHS,
        cells: bool = True,
        platform: float = 3000.0,
        background: float = 0.1,
        level: float | None = None,
        nuclei: str | None = None,
        max_iter: int = 200,
        tol: float = 1e-4,
        seed: int = 0,
    ):
        self.graph = graph
        self.image = image
        self.strengths = tuple(strengths)
        self.cells = cells
        self.platform = platform
        self.background = background
        self.level = level
        self.nuclei = nuclei
        self.max_iter = max_iter
        self.tol = tol
        self.seed = seed

    def fit_predict(
        self, adata: AnnData, counts: sp.csr_matrix, signatures: Signatures
    ) -> np.ndarray:
        """Proportions (n_spots, n_types), rows sum to 1.

        Parameters
        ----------
        adata
            Spots, for positions, morphology and nuclei.
        counts
            (n_spots, n_genes) of the genes of ``signatures``, no empty row.
        """
        candidates = self._graphs(adata)
        nuclei = self._nuclei(adata)
        mixture, start = self.mixture(counts, signatures)
        cells = None if nuclei is None else Cells(nuclei, signatures.sizes)
        if self.graph == "auto":
            self._choose(adata, mixture, start, candidates, cells)
        else:
            self.graph_ = self.graph
            self.strength_ = 0.0 if self.graph == "none" else self.strengths[0]
        average = candidates.get(self.graph_)
        prior = (self.graph_, self.strength_, average)
        fit = self._posterior(mixture, start, *prior, cells)
        self.platform_ = fit.factor
        values = outputs.shares(fit.mean, self.sizes(signatures))
        rates = self.profiles(signatures) * fit.factor[:, None]
        self.spots_ = {"residual": outputs.poisson_residual(counts, rates, fit.mean)}
        if self.level is not None:
            self.lower_, self.upper_ = intervals(
                self, values, mixture, fit, counts, signatures, average, nuclei
            )
        if nuclei is not None:
            self.abundance_ = values * nuclei[:, None]
        return values

    def profiles(self, signatures: Signatures) -> np.ndarray:
        """Profiles (n_genes, n_types) with the background that all types share."""
        return with_background(signatures.profiles, self.background)

    def sizes(self, signatures: Signatures) -> np.ndarray | None:
        """Counts of a cell of every type, where proportions are of cells."""
        return signatures.sizes if self.cells else None

    def mixture(
        self, counts: sp.csr_matrix, signatures: Signatures
    ) -> tuple[Mixture, Posterior]:
        """Spots with weighed genes, and their fit without prior."""
        plain = Mixture.of(counts, self.profiles(signatures), self.platform)
        rough = maximum_likelihood(plain, rounds=5)
        weighed = plain.weighed(gene_weights(plain, rough.mean, rough.factor))
        return weighed, maximum_likelihood(weighed, start=rough)

    def again(
        self,
        counts: sp.csr_matrix,
        signatures: Signatures,
        average: sp.csr_matrix | None,
        nuclei: np.ndarray | None = None,
    ) -> tuple[Mixture, Posterior]:
        """Other spots under the prior that was chosen."""
        mixture, start = self.mixture(counts, signatures)
        cells = None if nuclei is None else Cells(nuclei, signatures.sizes)
        prior = (self.graph_, self.strength_, average)
        return mixture, self._posterior(mixture, start, *prior, cells)

    def _posterior(
        self,
        mixture: Mixture,
        start: Posterior,
        graph: str,
        strength: float,
        average: sp.csr_matrix | None,
        cells: Cells | None = None,
        *,
        fixed: bool = False,
    ) -> Posterior:
        if graph == "none" or strength == 0:
            return start
        return posterior(
            mixture,
            start,
            average,
            strength,
            cells=cells,
            max_iter=self.max_iter,
            tol=10 * self.tol if fixed else self.tol,
            fixed=fixed,
        )

    def _nuclei(self, adata: AnnData) -> np.ndarray | None:
        if self.nuclei is None or self.image == "ignore":
            return None
        shuffled = self.image == "shuffle"
        return priors.nuclei_per_spot(
            adata, self.nuclei, shuffled=shuffled, seed=self.seed
        )

    def _graphs(self, adata: AnnData) -> dict[str, sp.csr_matrix | None]:
        """Averaging matrices by name, as far as asked for and possible."""
        if self.graph not in (*GRAPHS, "none", "auto"):
            raise ContractError(
                "graph among none, tissue, spatial, image, auto", repr(self.graph)
            )
        if self.image not in IMAGES:
            raise ContractError("image by name", repr(self.image), IMAGES)
        automatic = self.graph == "auto"
        names = set(GRAPHS if automatic else (self.graph,)) - {"none"}
        if automatic and keys.SPATIAL not in adata.obsm:
            names = {"tissue"}
        has_image = keys.MORPHOLOGY in adata.obsm and self.image != "ignore"
        if automatic and not has_image:
            names.discard("image")
        found: dict[str, sp.csr_matrix | None] = {}
        if "tissue" in names:
            found["tissue"] = None
        if "spatial" in names:
            found["spatial"] = priors.averaging(priors.spatial_graph(adata))
        if "image" in names:
            shuffled = self.image == "shuffle"
            found["image"] = priors.averaging(
                priors.image_graph(adata, shuffled=shuffled, seed=self.seed)
            )
        return found

    def _choose(
        self,
        adata: AnnData,
        mixture: Mixture,
        start: Posterior,
        candidates: dict[str, sp.csr_matrix | None],
        cells: Cells | None,
    ) -> None:
        """Prior that predicts the half of the genes that a fit has not read."""
        rows = compact_part(adata, adata.n_obs)
        if len(rows) < adata.n_obs:
            mixture = mixture.spots(rows)
            cells = None if cells is None else cells.spots(rows)
            candidates = {
                name: average
                if average is None
                else priors.averaging(average[rows][:, rows])
                for name, average in candidates.items()
            }
        halves = GeneHalves(mixture, start.factor, self.seed)
        gains = {("none", 0.0): np.zeros(len(rows))}
        for name, average in candidates.items():
            for strength in self.strengths:
                gains[name, strength] = halves.gain(
                    partial(
                        self._posterior,
                        graph=name,
                        strength=strength,
                        average=average,
                        cells=cells,
                        fixed=True,
                    )
                )
        self.held_out_ = {f"{g} {s:g}": float(v.mean()) for (g, s), v in gains.items()}
        self.graph_, self.strength_ = strongest(gains)
