"""Expression on a finer grid: what the metrics of the task mean."""

from __future__ import annotations

from histobridge.evaluation.metrics import resolution
from histobridge.evaluation.metrics.metric import INF, Metric
from histobridge.normalisation import pearson_columns

RESOLUTION = (
    Metric(
        "pearson_gap",
        "resolution",
        "Pearson per gene over the points between spots, which no spot measured; "
        "mean over genes.",
        -1,
        1,
        "more",
        pearson_columns,
    ),
    Metric(
        "pearson_inside",
        "resolution",
        "Pearson per gene over the points inside spots; mean over genes. Sums per "
        "spot are given, so that even the nearest spot scores well.",
        -1,
        1,
        "more",
        pearson_columns,
    ),
    Metric(
        "aggregation_error",
        "resolution",
        "Share of all counts by which the points of a spot miss its counts.",
        0,
        INF,
        "less",
        resolution.aggregation_error,
    ),
)
