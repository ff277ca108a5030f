"""What neighbours, the image and the number of nuclei say before the counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge import contract, graphs, keys
from histobridge.contract import ContractError
from histobridge.images.features import morphology_columns, standardised
from histobridge.images.nuclei import nuclei_of_spots

if TYPE_CHECKING:
    from anndata import AnnData


def spatial_graph(adata: AnnData, neighbours: int = 6) -> sp.csr_matrix:
    """Symmetric graph of the nearest spots within a section."""
    directed = graphs.knn_graph(
        graphs.positions_microns(adata), graphs.section_codes(adata), neighbours
    )
    return graphs.symmetric(directed)


def image_graph(
    adata: AnnData, *, shuffled: bool = False, seed: int = 0
) -> sp.csr_matrix:
    """Spatial edges weighted by ``exp(-|f_i - f_j|^2 / h)``, mean weight 1.

    ``f`` are standardised morphology features, ``h`` the median squared distance
    over edges.

    Parameters
    ----------
    shuffled
        Exchange the features between the spots of a section: the same graph with an
        image that tells nothing.
    """
    columns = np.concatenate(list(morphology_columns(adata).values()))
    features = np.asarray(adata.obsm[keys.MORPHOLOGY])[:, columns]
    sections = graphs.section_codes(adata)
    features = standardised(features, sections)
    if shuffled:
        features = features[shuffled_within(sections, seed)]
    graph = spatial_graph(adata).tocoo()
    apart = ((features[graph.row] - features[graph.col]) ** 2).sum(axis=1)
    weight = np.exp(-apart / max(float(np.median(apart)), 1e-12))
    weight /= max(float(weight.mean()), 1e-12)
    return sp.csr_matrix((weight, (graph.row, graph.col)), shape=graph.shape)


def averaging(graph: sp.csr_matrix) -> sp.csr_matrix:
    """Rows of a graph scaled to sum to 1; a spot without neighbours keeps zeros."""
    degree = np.asarray(graph.sum(axis=1)).ravel()
    scale = np.where(degree > 0, 1 / np.where(degree > 0, degree, 1.0), 0.0)
    return sp.csr_matrix(sp.diags(scale) @ graph)


def local_composition(
    shares: np.ndarray, average: sp.csr_matrix | None, trust: float = 0.8
) -> np.ndarray:
    """Expected composition (n, k) of every spot, before its own counts.

    ``trust`` of the mean of its neighbours and the rest of the mean of all spots;
    without a graph, or without neighbours, the latter alone.
    """
    everywhere = shares.mean(axis=0)
    if average is None:
        return np.broadcast_to(everywhere, shares.shape)
    near = average @ shares
    lonely = np.asarray(average.sum(axis=1)).ravel() < 0.5
    local = trust * near + (1 - trust) * everywhere
    local[lonely] = everywhere
    return local


def nuclei_per_spot(
    adata: AnnData, nuclei: str, *, shuffled: bool = False, seed: int = 0
) -> np.ndarray:
    """Non-negative numbers (n_spots,) of nuclei.

    Parameters
    ----------
    nuclei
        A column of ``obs``, or ``image``: counted in the H&E.
    shuffled
        Exchange the numbers between the spots of a section.

    Raises
    ------
    ContractError
        No such column, or values that are not numbers of nuclei; no image.
    """
    if nuclei == "image":
        values = nuclei_of_spots(adata).astype(float)
    else:
        column = contract.obs_column(adata, nuclei, "nuclei per spot")
        values = column.to_numpy(float)
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ContractError("non-negative numbers of nuclei", f"obs[{nuclei!r}]")
    if shuffled:
        values = values[shuffled_within(graphs.section_codes(adata), seed)]
    return values


def shuffled_within(sections: np.ndarray, seed: int) -> np.ndarray:
    """Positions (n,) that exchange the spots of every section."""
    rng = np.random.default_rng(seed)
    order = np.arange(len(sections))
    for section in np.unique(sections):
        spots = np.flatnonzero(sections == section)
        order[spots] = rng.permutation(spots)
    return order


@dataclass(frozen=True)
class Cells:
    """How many cells every spot holds, and the size of a cell of every type.

    Attributes
    ----------
    nuclei : (n_spots,)
    sizes : (n_types,)
        Mean counts of a cell, relative to the mean type.
    """

    nuclei: np.ndarray
    sizes: np.ndarray

    def spots(self, rows: np.ndarray) -> Cells:
        """Some of the spots."""
        return replace(self, nuclei=self.nuclei[rows])

    def rates(self, depth: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """What a prior per cell costs an amount of RNA (n_spots, n_types).

        The counts of a nucleus over the size of a cell of the type: where nuclei
        are many and counts are few, small cells are the likelier ones.

        Parameters
        ----------
        depth
            (n_spots,)
        shares
            (n_spots, n_types) of cells; the typical spot sets the counts of a cell
            of mean size.
        """
        each = depth / np.maximum(self.nuclei, 1.0)
        usual = np.median(each / np.maximum(shares @ self.sizes, 1e-12))
        return np.clip(each[:, None] / usual / self.sizes, 0.05, 20.0)
