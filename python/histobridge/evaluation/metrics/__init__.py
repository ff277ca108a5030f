"""Metrics, each with one exact definition and one name."""

from histobridge.evaluation.metrics.expression import (
    fraction_above,
    gene_centred_spot_pearson,
    nb_deviance,
    noise_ceiling,
    partial_pearson,
    pooled_pearson,
    r2_train_mean,
    spearman_columns,
    spot_pearson,
    weighted_pearson,
)
from histobridge.evaluation.metrics.labels import chaos, lisi, pas, v_measure
from histobridge.evaluation.metrics.proportions import (
    area_under_precision_recall,
    jensen_shannon,
    presence_f1,
    spot_rmse,
    type_auprc,
    type_jensen_shannon,
    type_pearson,
    type_rmse,
)
from histobridge.evaluation.metrics.similarity import (
    rasterise,
    ssim_global,
    ssim_windowed,
)
from histobridge.evaluation.metrics.spatial import (
    benjamini_hochberg,
    by_decile,
    fraction_significant,
    morans_i,
    morans_moments,
    row_standardised,
    toroidal_p,
    toroidal_shifts,
)
from histobridge.normalisation import pearson_columns

__all__ = [
    "area_under_precision_recall",
    "benjamini_hochberg",
    "by_decile",
    "chaos",
    "fraction_above",
    "fraction_significant",
    "gene_centred_spot_pearson",
    "jensen_shannon",
    "lisi",
    "morans_i",
    "morans_moments",
    "nb_deviance",
    "noise_ceiling",
    "partial_pearson",
    "pas",
    "pearson_columns",
    "pooled_pearson",
    "presence_f1",
    "r2_train_mean",
    "rasterise",
    "row_standardised",
    "spearman_columns",
    "spot_pearson",
    "spot_rmse",
    "ssim_global",
    "ssim_windowed",
    "toroidal_p",
    "toroidal_shifts",
    "type_auprc",
    "type_jensen_shannon",
    "type_pearson",
    "type_rmse",
    "v_measure",
    "weighted_pearson",
]
