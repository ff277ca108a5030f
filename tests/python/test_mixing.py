"""Batch metrics against closed forms and independent implementations."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import chisquare
from sklearn.metrics import silhouette_samples, silhouette_score

from histobridge.evaluation import metrics


@pytest.fixture
def mixed():
    """Two labels far apart; three batches mixed within each."""
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b"], 240)
    batches = np.tile(["x", "y", "z"], 160)
    embedding = rng.normal(size=(480, 4)) + 30 * (labels == "b")[:, None]
    return embedding, batches, labels


def pulled_apart(embedding, batches):
    return embedding + 1000 * (np.unique(batches, return_inverse=True)[1])[:, None]


def test_mixed_batches_score_high_and_batches_apart_score_low(mixed):
    embedding, batches, labels = mixed
    apart = pulled_apart(embedding, batches)
    for metric in (metrics.ilisi, metrics.kbet, metrics.batch_silhouette):
        assert metric(embedding, batches, labels) > 0.8
        assert metric(apart, batches, labels) < 0.05
    assert metrics.clisi(embedding, labels) == pytest.approx(1)
    assert metrics.label_silhouette(embedding, labels) > 0.9


def test_labels_at_random_are_not_apart(mixed):
    embedding, batches, _ = mixed
    # Thirty neighbours in effect hold three labels unevenly, by chance alone.
    assert metrics.clisi(embedding, batches) < 0.2
    assert metrics.label_silhouette(embedding, batches) == pytest.approx(0.5, abs=0.02)


def test_mixing_at_random_is_accepted_as_often_as_the_level_says():
    rng = np.random.default_rng(1)
    embedding, batches = rng.normal(size=(2000, 3)), rng.integers(0, 2, 2000)
    one = np.zeros(2000)
    assert metrics.kbet(embedding, batches, one) == pytest.approx(0.95, abs=0.03)


def test_kbet_is_that_of_a_loop_over_spots(mixed):
    embedding, batches, labels = mixed
    shares = []
    for label in ("a", "b"):
        part, names = embedding[labels == label], batches[labels == label]
        size = min(70, max(10, len(part) // 3 // 4))
        accepted = 0
        for row in cdist(part, part):
            near = names[np.argsort(row)[:size]]
            seen = [(near == name).sum() for name in "xyz"]
            known = [size * (names == name).mean() for name in "xyz"]
            accepted += chisquare(seen, known).pvalue > 0.05
        shares.append(accepted / len(part))
    assert metrics.kbet(embedding, batches, labels) == pytest.approx(np.mean(shares))


def test_silhouettes_are_those_of_scikit_learn_within_labels(mixed):
    embedding, batches, labels = mixed
    expected = np.mean(
        [
            1 - np.abs(silhouette_samples(embedding[rows], batches[rows])).mean()
            for rows in (labels == "a", labels == "b")
        ]
    )
    found = metrics.batch_silhouette(embedding, batches, labels)
    assert found == pytest.approx(expected)
    scaled = (silhouette_score(embedding, labels) + 1) / 2
    assert metrics.label_silhouette(embedding, labels) == pytest.approx(scaled)


def test_a_label_that_one_batch_lacks_is_no_batch_effect(mixed):
    embedding, batches, labels = mixed
    keep = (labels == "a") | (batches == "x")
    alone = labels == "a"
    for metric in (metrics.ilisi, metrics.kbet, metrics.batch_silhouette):
        whole = metric(embedding[keep], batches[keep], labels[keep])
        assert whole == metric(embedding[alone], batches[alone], labels[alone])
        assert np.isnan(metric(embedding[:5], batches[:5], labels[:5]))


def test_lisi_of_even_shares_is_the_number_of_batches():
    points = np.repeat(np.random.default_rng(0).normal(size=(40, 2)), 90, axis=0)
    batches = np.tile(["x", "y", "z"], 1200)
    found = metrics.ilisi(points, batches, np.zeros(3600))
    assert found == pytest.approx(1, abs=0.01)
    assert {"ilisi", "clisi", "kbet", "silhouette", "batch_silhouette"} <= set(
        metrics.list_metrics("domains")["name"]
    )
