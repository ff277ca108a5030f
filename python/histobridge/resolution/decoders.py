"""Weakly supervised decoders: from features of points to what their spot counted.

No point has a label of its own. What is fitted is the mean, or the sum, over the
points of a spot; ``Recipe`` and the training loop are those of ``histobridge.nn``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from histobridge.nn.recipe import Recipe
from histobridge.resolution.potts import lattice_graph
from histobridge.resolution.problem import Problem

if TYPE_CHECKING:
    import torch

INPUTS: dict[str, Callable[[Problem], np.ndarray]] = {
    "image": lambda problem: problem.image(),
    "position": lambda problem: _unit(problem.points),
    "expression": lambda problem: _expression(problem),
}


def _unit(values: np.ndarray) -> np.ndarray:
    low, size = values.min(axis=0), np.ptp(values, axis=0)
    return (values - low) / np.where(size > 0, size, 1.0)


def _expression(problem: Problem, n: int = 20) -> np.ndarray:
    """Components of the spots around a point, in standard units."""
    from histobridge.resolution.interpolation import inverse_distance
    from histobridge.resolution.subspots import components

    scores = components(problem, n, 0).scores
    scores = scores / np.maximum(scores.std(axis=0), 1e-12)
    return inverse_distance(problem.spots, problem.points, 6) @ scores


@dataclass(frozen=True)
class WeakDecoder:
    """Ensemble of networks from points to genes, each seen only through spots.

    Parameters
    ----------
    inputs
        Names among ``INPUTS``, joined.
    head
        ``elu``: values of min-max scaled genes, fitted to the mean of a spot by
        squared error. ``metagenes``: non-negative rates through a few metagenes,
        summed over a spot, negative binomial. ``latent``: rates through a noisy
        latent, summed, Poisson.
    width, depth
        Of the hidden layers.
    graph
        Whether each hidden layer first averages over the four neighbours.
    members
        Networks, of which the median is taken.
    """

    recipe: Recipe
    inputs: tuple[str, ...] = ("image",)
    head: str = "elu"
    width: int = 256
    depth: int = 4
    graph: bool = False
    dropout: float = 0.0
    members: int = 5
    batch: int = 64
    seed: int = 0

    def fit_predict(self, problem: Problem) -> np.ndarray:
        """Expected counts of every point, (n_points, n_genes)."""
        values = np.hstack([INPUTS[name](problem) for name in self.inputs])
        fits = [
            self._fit(problem, values, self.seed * 1000 + i)
            for i in range(self.members)
        ]
        return np.median(fits, axis=0)

    def _fit(self, problem: Problem, values: np.ndarray, seed: int) -> np.ndarray:
        import torch

        from histobridge.nn.seeding import seeded
        from histobridge.nn.training import train
        from histobridge.resolution import heads

        target = heads.HEADS[self.head].target(problem)
        with seeded(seed):
            model = heads.Decoder(
                values.shape[1],
                target,
                heads.HEADS[self.head],
                width=self.width,
                depth=self.depth,
                dropout=self.dropout,
                neighbours=_averaging(problem) if self.graph else None,
            )
        inputs = torch.from_numpy(values.astype(np.float32))
        train(
            model,
            lambda epoch, generator: self._batches(problem, inputs, target, generator),
            lambda network, batch: network.loss(*batch),
            self.recipe,
            seed=seed,
            device="cpu",
        )
        with torch.inference_mode():
            return model.counts(inputs).numpy().astype(float)

    def _batches(
        self,
        problem: Problem,
        inputs: torch.Tensor,
        target: np.ndarray,
        generator: torch.Generator,
    ) -> Iterator[tuple]:
        """Spots in random order, with the points they hold."""
        import torch

        order = torch.randperm(len(target), generator=generator).numpy()
        for start in range(0, len(order), self.batch):
            spots = order[start : start + self.batch]
            member = problem.member[spots]
            points = np.unique(member.indices)
            held = sp.coo_matrix(member[:, points])
            owner = torch.from_numpy(held.row.astype(np.int64))
            column = torch.from_numpy(points[held.col].astype(np.int64))
            truth = torch.from_numpy(target[spots].astype(np.float32))
            yield inputs, column, owner, truth


def _averaging(problem: Problem) -> torch.Tensor:
    """Sparse mean over a point and its four neighbours on the grid."""
    import torch

    graph, _ = lattice_graph(problem.points, problem.pixel)
    graph = (graph + sp.identity(graph.shape[0])).tocoo()
    degree = np.asarray(graph.sum(axis=1)).ravel()
    index = torch.from_numpy(np.stack([graph.row, graph.col]).astype(np.int64))
    weight = torch.from_numpy((1 / degree[graph.row]).astype(np.float32))
    made = torch.sparse_coo_tensor(index, weight, graph.shape, check_invariants=True)
    return made.coalesce()
