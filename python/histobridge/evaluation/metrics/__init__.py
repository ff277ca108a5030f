"""Metrics, each with one exact definition and one name: see :func:`list_metrics`."""

from histobridge.evaluation.metrics.catalogue import (
    LESS_IS_BETTER,
    METRICS,
    list_metrics,
)
from histobridge.evaluation.metrics.expression import (
    fraction_above,
    gene_centred_spot_pearson,
    mse_skill,
    nb_deviance,
    noise_ceiling,
    partial_pearson,
    pooled_pearson,
    r2_train_mean,
    spearman_columns,
    spot_pearson,
    weighted_pearson,
)
from histobridge.evaluation.metrics.labels import (
    adjusted_rand,
    chaos,
    lisi,
    normalised_mutual_information,
    pas,
    v_measure,
)
from histobridge.evaluation.metrics.metric import Metric
from histobridge.evaluation.metrics.mixing import (
    batch_silhouette,
    clisi,
    ilisi,
    kbet,
    label_silhouette,
)
from histobridge.evaluation.metrics.proportions import (
    area_under_precision_recall,
    area_under_roc,
    jensen_shannon,
    presence_f1,
    spot_rmse,
    tuned_level,
    type_auprc,
    type_jensen_shannon,
    type_pearson,
    type_rmse,
)
from histobridge.evaluation.metrics.resampled import weighted_ari, weighted_nmi
from histobridge.evaluation.metrics.resolution import aggregation_error
from histobridge.evaluation.metrics.similarity import (
    rasterise,
    ssim_global,
    ssim_windowed,
)
from histobridge.evaluation.metrics.strata import (
    HOUSEKEEPING,
    by_decile,
    by_stratum,
    is_housekeeping,
)
from histobridge.normalisation import pearson_columns
from histobridge.statistics import fraction_significant, morans_i, toroidal_p

__all__ = [
    "HOUSEKEEPING",
    "LESS_IS_BETTER",
    "METRICS",
    "Metric",
    "adjusted_rand",
    "aggregation_error",
    "area_under_precision_recall",
    "area_under_roc",
    "batch_silhouette",
    "by_decile",
    "by_stratum",
    "chaos",
    "clisi",
    "fraction_above",
    "fraction_significant",
    "gene_centred_spot_pearson",
    "ilisi",
    "is_housekeeping",
    "jensen_shannon",
    "kbet",
    "label_silhouette",
    "lisi",
    "list_metrics",
    "morans_i",
    "mse_skill",
    "nb_deviance",
    "noise_ceiling",
    "normalised_mutual_information",
    "partial_pearson",
    "pas",
    "pearson_columns",
    "pooled_pearson",
    "presence_f1",
    "r2_train_mean",
    "rasterise",
    "spearman_columns",
    "spot_pearson",
    "spot_rmse",
    "ssim_global",
    "ssim_windowed",
    "toroidal_p",
    "tuned_level",
    "type_auprc",
    "type_jensen_shannon",
    "type_pearson",
    "type_rmse",
    "v_measure",
    "weighted_ari",
    "weighted_nmi",
    "weighted_pearson",
]
