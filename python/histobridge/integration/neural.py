"""An embedding that a network learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from histobridge import graphs
from histobridge.integration.features import spatial_rings

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.nn.recipe import Recipe

Inputs = dict[str, Any]
TILE = 50_000
HALO = 2


@dataclass
class Neural:
    """Train a network on all spots and embed them.

    Up to 50,000 spots are one batch. More are cut into tiles with a halo of two
    steps, one batch each, so that memory does not grow with the tissue; every spot
    is embedded in the tile whose core it is.

    Attributes
    ----------
    inputs
        ``inputs(adata, seed)`` gives arrays (n, d) and sparse matrices by name; None
        for what the object does not have.
    network
        ``network(inputs)`` gives a module with ``loss(batch)``, a scalar of a
        :class:`~histobridge.integration.networks.operators.Batch`, and
        ``embed(inputs)`` (n, d).
    recipe
        Optimiser, schedule and epochs.
    least_epochs
        Of t tiles an epoch takes t steps, so that a t-th of the epochs takes as many
        as one batch does; down to so many epochs. None keeps the epochs of the
        recipe, as networks need whose losses change with the epoch.
    """

    inputs: Callable[[AnnData, int], Inputs]
    network: Callable[[Inputs], Any]
    recipe: Recipe
    least_epochs: int | None = None

    def __call__(self, adata: AnnData, seed: int) -> np.ndarray:
        """Embedding (n_spots, d)."""
        from histobridge.integration.networks.operators import Batch, tensors
        from histobridge.nn.seeding import seeded
        from histobridge.nn.training import train

        whole = self.inputs(adata, seed)
        cut = _tiles(adata)
        parts = [tensors(_part(whole, tile.spots, adata.n_obs)) for tile in cut]
        with seeded(seed):
            model = self.network(whole)
        train(
            model,
            lambda epoch, generator: [
                Batch(part, epoch, i) for i, part in enumerate(parts)
            ],
            lambda model, batch: model.loss(batch),
            self._shortened(len(cut)),
            seed=seed,
        )
        with seeded(seed, 1):
            return _embedded(model, parts, cut)

    def _shortened(self, tiles: int) -> Recipe:
        if self.least_epochs is None:
            return self.recipe
        epochs = self.recipe.epochs
        return self.recipe.but(
            epochs=min(epochs, max(self.least_epochs, epochs // tiles))
        )


def _tiles(adata: AnnData) -> list[graphs.Tile]:
    n = adata.n_obs
    if n <= TILE:
        return [graphs.Tile(np.arange(n), n, sp.csr_matrix((n, n)))]
    points, sections = graphs.positions_microns(adata), graphs.section_codes(adata)
    near = spatial_rings(adata)
    return list(graphs.tiles(near, points, sections, size=TILE, halo=HALO))


def _part(inputs: Inputs, spots: np.ndarray, n: int) -> Inputs:
    """Rows of the spots, and of graphs their columns as well."""
    if len(spots) == n:
        return inputs
    out: Inputs = {}
    for name, value in inputs.items():
        of_spots = value is not None and value.shape[0] == n
        out[name] = value[spots] if of_spots else value
        if sp.issparse(value) and value.shape == (n, n):
            out[name] = out[name][:, spots]
    return out


def _embedded(model: Any, parts: list[Inputs], cut: list[graphs.Tile]) -> np.ndarray:
    import torch

    rows, spots = [], []
    with torch.no_grad():
        for part, tile in zip(parts, cut, strict=True):
            rows.append(model.embed(part).numpy()[: tile.n_core])
            spots.append(tile.spots[: tile.n_core])
    out = np.empty((sum(map(len, rows)), rows[0].shape[1]))
    out[np.concatenate(spots)] = np.concatenate(rows)
    return out
