"""Harmony: an embedding whose clusters hold every batch."""

from __future__ import annotations

import numpy as np

CLUSTER_ROUNDS = 20
BLOCKS = 20


class Harmony:
    """Correct an embedding cluster by cluster until batches mix.

    Soft k-means on the unit sphere prefers clusters that hold batches in the
    proportions of the whole; within each cluster the effect of the batch is taken out
    by ridge regression; both repeat (Korsunsky et al. 2019, Nat Methods 16:1289).
    Memory grows with spots x clusters.

    Parameters
    ----------
    diversity
        Strength of the preference (theta); 0 clusters without regard to batches.
    softness
        Width of the soft assignment (sigma).
    ridge
        Shrinkage of batch effects (lambda), in spots.
    rounds
        At most so many corrections.
    tolerance
        Relative gain of the objective that stops them.
    seed
        Of k-means, and of the order in which spots are assigned.
    """

    def __init__(
        self,
        *,
        diversity: float = 2.0,
        softness: float = 0.1,
        ridge: float = 1.0,
        rounds: int = 10,
        tolerance: float = 1e-4,
        seed: int = 0,
    ):
        self.diversity = diversity
        self.softness = softness
        self.ridge = ridge
        self.rounds = rounds
        self.tolerance = tolerance
        self.seed = seed

    def __call__(self, embedding: np.ndarray, batches: np.ndarray) -> np.ndarray:
        """Corrected copy of ``embedding`` (n, d), given ``batches`` (n,)."""
        names, code = np.unique(batches, return_inverse=True)
        if len(names) < 2:
            return embedding.copy()
        rng = np.random.default_rng(self.seed)
        corrected, before = embedding, np.inf
        centres = self._start(_unit(embedding))
        for _ in range(self.rounds):
            share, centres, cost = self._cluster(_unit(corrected), code, centres, rng)
            corrected = self._corrected(embedding, code, share)
            if before - cost <= self.tolerance * abs(cost):
                break
            before = cost
        return corrected

    def _start(self, unit: np.ndarray) -> np.ndarray:
        from sklearn.cluster import KMeans

        k = int(np.clip(round(len(unit) / 30), 2, 100))
        model = KMeans(min(k, len(unit)), n_init=1, random_state=self.seed)
        return _unit(model.fit(unit).cluster_centers_)

    def _cluster(
        self,
        unit: np.ndarray,
        code: np.ndarray,
        centres: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Soft clusters (n, k), their centres, and the objective reached."""
        part = np.bincount(code) / len(code)
        member = np.eye(len(part))[code]
        share = self._share(unit, centres, np.ones((len(part), len(centres))), code)
        before = np.inf
        for _ in range(CLUSTER_ROUNDS):
            centres = _unit(share.T @ unit)
            held = member.T @ share
            for block in np.array_split(rng.permutation(len(unit)), BLOCKS):
                # A block is assigned given all others, so that it cannot follow itself.
                held -= member[block].T @ share[block]
                expected = np.outer(part, held.sum(axis=0))
                scarce = ((expected + 1) / (held + 1)) ** self.diversity
                share[block] = self._share(unit[block], centres, scarce, code[block])
                held += member[block].T @ share[block]
            cost = self._cost(unit, centres, share, held, part)
            if before - cost <= 1e-5 * abs(cost):
                break
            before = cost
        return share, centres, cost

    def _share(
        self,
        unit: np.ndarray,
        centres: np.ndarray,
        scarce: np.ndarray,
        code: np.ndarray,
    ) -> np.ndarray:
        near = 2 * (unit @ centres.T - 1) / self.softness
        share = np.exp(near - near.max(axis=1, keepdims=True)) * scarce[code]
        return share / share.sum(axis=1, keepdims=True)

    def _cost(
        self,
        unit: np.ndarray,
        centres: np.ndarray,
        share: np.ndarray,
        held: np.ndarray,
        part: np.ndarray,
    ) -> float:
        distance = (share * 2 * (1 - unit @ centres.T)).sum()
        entropy = (share * np.log(np.maximum(share, 1e-300))).sum()
        expected = np.outer(part, held.sum(axis=0))
        uneven = (held * np.log((held + 1) / (expected + 1))).sum()
        return float(distance + self.softness * (entropy + self.diversity * uneven))

    def _corrected(
        self, embedding: np.ndarray, code: np.ndarray, share: np.ndarray
    ) -> np.ndarray:
        """Embedding less the effect of the batch in every cluster, by membership."""
        batches = int(code.max()) + 1
        member = np.eye(batches)[code]
        mass = member.T @ share
        penalty = np.diag([0.0, *np.full(batches, self.ridge)])
        effect = np.zeros((batches, share.shape[1], embedding.shape[1]))
        for c in range(share.shape[1]):
            own = mass[:, c]
            if own.sum() <= 1e-8:
                continue
            sums = member.T @ (share[:, [c]] * embedding)
            gram = np.block([[own.sum(), own], [own[:, None], np.diag(own)]])
            right = np.vstack([sums.sum(axis=0), sums])
            effect[:, c] = np.linalg.solve(gram + penalty, right)[1:]
        out = embedding.copy()
        for b in range(batches):
            mine = code == b
            out[mine] -= share[mine] @ effect[b]
        return out


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
