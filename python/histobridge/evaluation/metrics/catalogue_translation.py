"""Predicted expression: what the metrics of the task mean."""

from __future__ import annotations

from histobridge.evaluation.metrics import expression, similarity
from histobridge.evaluation.metrics.metric import INF, Metric
from histobridge.normalisation import pearson_columns
from histobridge.statistics import fraction_significant

TRANSLATION = (
    Metric(
        "pearson_gene",
        "translation",
        "Pearson per gene over the spots of a section; mean over genes, "
        "sections, patients. 0 for a constant. The headline.",
        -1,
        1,
        "more",
        pearson_columns,
    ),
    Metric(
        "pearson_gene_top50",
        "translation",
        "pearson_gene over the 50 genes most variable in training spots; mean "
        "over genes, sections, patients.",
        -1,
        1,
        "more",
        pearson_columns,
    ),
    Metric(
        "pearson_gene_partial",
        "translation",
        "pearson_gene after log depth is regressed out of both sides; mean over "
        "genes, sections, patients.",
        -1,
        1,
        "more",
        expression.partial_pearson,
    ),
    Metric(
        "spearman_gene",
        "translation",
        "Spearman per gene over the spots of a section, ties averaged; mean "
        "over genes, sections, patients.",
        -1,
        1,
        "more",
        expression.spearman_columns,
    ),
    Metric(
        "r2_gene",
        "translation",
        "1 - SSE / SST per gene, SST about the training mean; mean over genes, "
        "sections, patients.",
        -INF,
        1,
        "more",
        expression.r2_train_mean,
    ),
    Metric(
        "mse_skill",
        "translation",
        "1 - squared error over that of the training mean, all genes of a "
        "section together.",
        -INF,
        1,
        "more",
        expression.mse_skill,
    ),
    Metric(
        "fraction_above_03",
        "translation",
        "Share of genes with pearson_gene above .3, with the exact binomial interval.",
        0,
        1,
        "more",
        expression.fraction_above,
    ),
    Metric(
        "fraction_significant",
        "translation",
        "Share of genes significant at a false discovery rate of 5 %, one-sided "
        "p from 199 toroidal shifts of the prediction within the section.",
        0,
        1,
        "more",
        fraction_significant,
    ),
    Metric(
        "noise_ceiling",
        "translation",
        "Largest pearson_gene that counting noise allows: root of the Spearman- "
        "Brown reliability of binomial halves of the counts.",
        0,
        1,
        "neither",
        expression.noise_ceiling,
    ),
    Metric(
        "pearson_spot",
        "translation",
        "Pearson over genes within a spot, mean over spots. A constant "
        "predictor scores high: never shown alone.",
        -1,
        1,
        "more",
        expression.spot_pearson,
    ),
    Metric(
        "pearson_spot_centred",
        "translation",
        "pearson_spot after each gene's training mean is subtracted from both sides.",
        -1,
        1,
        "more",
        expression.gene_centred_spot_pearson,
    ),
    Metric(
        "pearson_pooled",
        "translation",
        "Pearson over all spots and genes of a section at once. Secondary.",
        -1,
        1,
        "more",
        expression.pooled_pearson,
    ),
    Metric(
        "nb_deviance",
        "translation",
        "Negative binomial deviance of counts per gene, mean over spots.",
        0,
        INF,
        "less",
        expression.nb_deviance,
    ),
    Metric(
        "ssim_global",
        "translation",
        "Structural similarity from moments over all spots, each gene divided "
        "by its maximum, K1 = .01, K2 = .03.",
        -1,
        1,
        "more",
        similarity.ssim_global,
    ),
    Metric(
        "ssim_windowed",
        "translation",
        "Mean structural similarity over 7 x 7 windows of the map at one pixel "
        "per pitch.",
        -1,
        1,
        "more",
        similarity.ssim_windowed,
    ),
)
