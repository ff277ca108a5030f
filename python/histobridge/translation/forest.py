"""A forest of extremely randomised trees on the leading components of expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from histobridge import keys
from histobridge.images.features import (
    feature_names,
    morphology_columns,
    same_features,
    spot_features,
)
from histobridge.translation.components import (
    MOST_SPOTS,
    ComponentTranslator,
    shared_expression,
    wide_axes,
)

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Trees:
    """Decision trees laid end to end.

    Attributes
    ----------
    roots
        (n_trees,) position of the first node of every tree.
    children
        (n_nodes, 2) where a row goes when its feature is below or above the
        threshold; a leaf leads to itself.
    feature, threshold
        (n_nodes,) the question asked at every node.
    value
        (n_nodes, n_outputs) mean of the training rows there.
    """

    roots: np.ndarray
    children: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    value: np.ndarray

    @classmethod
    def of(cls, forest: Any) -> Trees:
        """Trees of a fitted scikit-learn forest."""
        trees = [estimator.tree_ for estimator in forest.estimators_]
        roots = np.cumsum([0] + [tree.node_count for tree in trees[:-1]])
        children = []
        for root, tree in zip(roots, trees, strict=True):
            own = np.arange(tree.node_count)[:, None]
            pair = np.stack([tree.children_left, tree.children_right], axis=1)
            children.append(np.where(pair < 0, own, pair) + root)
        return cls(
            roots=roots.astype(np.int32),
            children=np.concatenate(children).astype(np.int32),
            feature=np.maximum(
                np.concatenate([tree.feature for tree in trees]), 0
            ).astype(np.int32),
            threshold=np.concatenate([tree.threshold for tree in trees]),
            value=np.concatenate([tree.value[:, :, 0] for tree in trees]).astype(
                np.float32
            ),
        )

    def predict(self, x: np.ndarray, rows: int = 2048) -> np.ndarray:
        """Mean over trees, (n, n_outputs), for features ``x`` (n, n_features)."""
        out, value = np.empty((len(x), self.value.shape[1])), self.value.astype(float)
        for start in range(0, len(x), rows):
            part = x[start : start + rows]
            node = np.broadcast_to(self.roots, (len(part), len(self.roots)))
            while True:
                asked = np.take_along_axis(part, self.feature[node], axis=1)
                above = (asked > self.threshold[node]).astype(np.intp)
                step = self.children[node, above]
                if np.array_equal(step, node):
                    break
                node = step
            ends = np.arange(len(part) + 1) * len(self.roots)
            leaves = sp.csr_matrix(
                (np.ones(node.size), node.ravel(), ends), (len(part), len(value))
            )
            out[start : start + rows] = leaves @ value / len(self.roots)
        return out


class Forest(ComponentTranslator):
    """Extremely randomised trees (Geurts et al. 2006) for all genes at once.

    The trees predict the leading principal components of the training expression,
    which is what many genes share, so their cost does not grow with the number of
    genes. They see every encoder's standardised features and their means over nearest
    spots; an encoder of more than 200 columns enters by its components.

    Parameters
    ----------
    trees
        How many.
    components
        Of expression, and of each wide encoder.
    leaf
        Training spots in a leaf, at least.
    neighbours
        As in :class:`~histobridge.translation.ridge.View`.
    seed
        Of the trees.
    """

    def __init__(
        self,
        *,
        trees: int = 200,
        components: int = 20,
        leaf: int = 3,
        neighbours: tuple[int, ...] = (1, 9),
        key: str = keys.MORPHOLOGY,
        seed: int = 0,
    ):
        self.trees, self.components, self.leaf = trees, components, leaf
        self.neighbours, self.key, self.seed = neighbours, key, seed

    def _fit(self, adata: AnnData, spots: np.ndarray, target: np.ndarray) -> None:
        from sklearn.ensemble import ExtraTreesRegressor

        self.columns_ = feature_names(adata, self.key)
        self.axes_ = self._wide_axes(adata, spots)
        shared = shared_expression(target, self.components)
        self.gene_axes_, self.mean_ = shared.axes, shared.mean
        scores = shared.scores
        many = len(spots) > MOST_SPOTS
        forest = ExtraTreesRegressor(
            self.trees,
            min_samples_leaf=self.leaf,
            max_features=0.2,
            bootstrap=many,
            max_samples=MOST_SPOTS if many else None,
            random_state=self.seed,
            n_jobs=-1,
        ).fit(
            self._features(adata, spots),
            # scikit-learn warns of a column where it expects a line.
            scores.ravel() if scores.shape[1] == 1 else scores,
        )
        self.forest_ = vars(Trees.of(forest))

    def scores(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        """Components (n_spots, count) of the expression predicted for ``spots``."""
        same_features(self.columns_, feature_names(adata, self.key))
        return Trees(**self.forest_).predict(self._features(adata, spots))

    def _wide_axes(self, adata: AnnData, spots: np.ndarray) -> dict[str, np.ndarray]:
        columns = morphology_columns(adata, self.key)
        found = {n: wide_axes(adata, spots, c, self.key) for n, c in columns.items()}
        few = self.components
        return {n: axes[:, :few] for n, axes in found.items() if axes is not None}

    def _features(self, adata: AnnData, spots: np.ndarray) -> np.ndarray:
        """Columns (n_spots, n_features), a wide encoder by its components."""
        blocks = [
            spot_features(
                adata, columns, self.neighbours, self.key, self.axes_.get(encoder)
            )[spots]
            for encoder, columns in morphology_columns(adata, self.key).items()
        ]
        return np.concatenate(blocks, axis=1).astype(np.float32)
