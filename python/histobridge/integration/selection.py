"""How many domains, without labels: as many as halves of the spots agree on."""

from __future__ import annotations

import numpy as np

from histobridge.integration.mixture import SharedCovarianceMixture

K_RANGE = range(2, 13)
MOST = 2000
HALVES = 8
SPOTS = 50
TIE = 0.01
CLEAR = 0.95


def number_of_domains(embedding: np.ndarray, seed: int = 0) -> int:
    """Number of domains (2 to 12) whose partition two halves of the spots share.

    For every k up to that of the largest integrated completed likelihood (Biernacki
    et al. 2000, IEEE PAMI 22:719), mixtures are fitted to random halves of the
    spots and both label all of them; the number whose partitions agree best wins
    (adjusted Rand index; see :func:`most_repeatable` for ties). A likelihood alone
    overshoots on tissue: spots are no independent draws and domains no
    Gaussians. A domain has 50 spots on average at least; fewer cannot be told from
    half of them.

    Parameters
    ----------
    embedding
        (n, d); above 2,000 spots a sample of that many decides.
    """
    rng = np.random.default_rng(seed)
    if len(embedding) > MOST:
        embedding = embedding[np.sort(rng.choice(len(embedding), MOST, replace=False))]
    sizes = [k for k in K_RANGE if k <= max(2, len(embedding) // SPOTS)]
    likelihood = {k: integrated_likelihood(embedding, k, seed) for k in sizes}
    most = max(likelihood, key=likelihood.__getitem__)
    agreement = {
        k: stability(embedding, k, np.random.default_rng(seed))
        for k in sizes
        if k <= most
    }
    return most_repeatable(agreement)


def most_repeatable(agreement: dict[int, np.ndarray]) -> int:
    """Number of groups by the agreement (splits,) of halves at each number.

    Clear groups repeat almost exactly at every coarser number too: then the largest
    number as good as the best. Blurred ones split in ever more ways that repeat about
    as well: then the smallest within one standard error of the best.
    """
    means = {k: float(values.mean()) for k, values in agreement.items()}
    best = max(means, key=means.__getitem__)
    if means[best] >= CLEAR:
        return max(k for k, mean in means.items() if mean >= means[best] - TIE)
    error = agreement[best].std(ddof=1) / np.sqrt(len(agreement[best]))
    return min(k for k, mean in means.items() if mean >= means[best] - error)


def integrated_likelihood(embedding: np.ndarray, k: int, seed: int = 0) -> float:
    """BIC (larger is better) less twice the entropy of the memberships."""
    model = SharedCovarianceMixture(k, seed=seed).fit(embedding)
    share = model.responsibility_
    entropy = -(share * np.log(np.maximum(share, 1e-300))).sum()
    penalty = model.n_parameters() * np.log(len(embedding))
    return 2 * model.log_likelihood_ - penalty - 2 * entropy


def stability(embedding: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Adjusted Rand index of partitions from two halves, one per random split."""
    from sklearn.metrics import adjusted_rand_score

    agreement = []
    for _ in range(HALVES):
        half = rng.permutation(len(embedding)) < len(embedding) // 2
        one, other = (
            SharedCovarianceMixture(k).fit(embedding[part]).predict(embedding)
            for part in (half, ~half)
        )
        agreement.append(adjusted_rand_score(one, other))
    return np.array(agreement)
