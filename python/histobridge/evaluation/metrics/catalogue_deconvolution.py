"""Proportions: what the metrics of the task mean."""

from __future__ import annotations

from histobridge.evaluation.metrics import proportions
from histobridge.evaluation.metrics.metric import Metric

DECONVOLUTION = (
    Metric(
        "rmse_spot",
        "deconvolution",
        "Root mean squared error of proportions over types, mean over spots.",
        0,
        1,
        "less",
        proportions.spot_rmse,
    ),
    Metric(
        "rmse_type",
        "deconvolution",
        "Root mean squared error of proportions over spots, mean over types.",
        0,
        1,
        "less",
        proportions.type_rmse,
    ),
    Metric(
        "pearson_spot",
        "deconvolution",
        "Pearson of proportions over types within a spot, mean over spots.",
        -1,
        1,
        "more",
        proportions.spot_pearson,
    ),
    Metric(
        "pearson_type",
        "deconvolution",
        "Pearson of proportions over spots of a type, mean over types.",
        -1,
        1,
        "more",
        proportions.type_pearson,
    ),
    Metric(
        "jsd_spot",
        "deconvolution",
        "Jensen-Shannon divergence in bits between the proportions of a spot, "
        "mean over spots.",
        0,
        1,
        "less",
        proportions.jensen_shannon,
    ),
    Metric(
        "jsd_type",
        "deconvolution",
        "Jensen-Shannon distance (root of bits) between a type's maps, mean "
        "over types.",
        0,
        1,
        "less",
        proportions.type_jensen_shannon,
    ),
    Metric(
        "auprc",
        "deconvolution",
        "Average precision of presence (truth above 0) over all spots and types.",
        0,
        1,
        "more",
        proportions.area_under_precision_recall,
    ),
    Metric(
        "auprc_type",
        "deconvolution",
        "Average precision of presence per type, mean over types present.",
        0,
        1,
        "more",
        proportions.type_auprc,
    ),
    Metric(
        "auroc",
        "deconvolution",
        "Chance that a type present gets a larger share than one absent, over "
        "all spots and types.",
        0,
        1,
        "more",
        proportions.area_under_roc,
    ),
    Metric(
        "f1",
        "deconvolution",
        "F1 of presence at a level fixed at .05, or tuned by tuned_level() on "
        "training spots and never on those scored.",
        0,
        1,
        "more",
        proportions.presence_f1,
    ),
)
