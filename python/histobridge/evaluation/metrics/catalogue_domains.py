"""Domains and embeddings: what the metrics of the task mean."""

from __future__ import annotations

from histobridge.evaluation.metrics import labels, mixing
from histobridge.evaluation.metrics.metric import INF, Metric

DOMAINS = (
    Metric(
        "ari",
        "domains",
        "Adjusted Rand index against the labels; 0 is what chance gives.",
        -0.5,
        1,
        "more",
        labels.adjusted_rand,
    ),
    Metric(
        "nmi",
        "domains",
        "Mutual information over the arithmetic mean of the entropies.",
        0,
        1,
        "more",
        labels.normalised_mutual_information,
    ),
    Metric(
        "v_measure",
        "domains",
        "Harmonic mean of homogeneity and completeness; equals nmi.",
        0,
        1,
        "more",
        labels.v_measure,
    ),
    Metric(
        "chaos",
        "domains",
        "Mean distance to the nearest spot of the same domain, axes "
        "standardised. Rewards smoothness: never select by it.",
        0,
        INF,
        "less",
        labels.chaos,
    ),
    Metric(
        "pas",
        "domains",
        "Share of spots of another domain than more than half of their 10 "
        "neighbours. Rewards smoothness: never select by it.",
        0,
        1,
        "less",
        labels.pas,
    ),
    Metric(
        "lisi",
        "domains",
        "Inverse Simpson index of the labels around a spot at perplexity 30: "
        "over batches more is better, over domains less.",
        1,
        INF,
        "neither",
        labels.lisi,
    ),
    Metric(
        "silhouette",
        "domains",
        "Average silhouette width of the labels in the embedding, scaled to (s + 1) "
        "/ 2.",
        0,
        1,
        "more",
        mixing.label_silhouette,
    ),
    Metric(
        "batch_silhouette",
        "domains",
        "1 - |silhouette of batches| within each label, mean over spots, then labels.",
        0,
        1,
        "more",
        mixing.batch_silhouette,
    ),
    Metric(
        "ilisi",
        "domains",
        "Median lisi of batches at perplexity 30 within shared labels, scaled to "
        "(x - 1) / (batches - 1); mean over labels.",
        0,
        1,
        "more",
        mixing.ilisi,
    ),
    Metric(
        "clisi",
        "domains",
        "(labels - median lisi of labels) / (labels - 1) at perplexity 30.",
        0,
        1,
        "more",
        mixing.clisi,
    ),
    Metric(
        "kbet",
        "domains",
        "Share of spots whose neighbours hold batches as their shared label does "
        "(chi-square, p > .05); mean over labels.",
        0,
        1,
        "more",
        mixing.kbet,
    ),
)
