"""Evaluation: splits, metrics, baselines, leak audit and the benchmark runner."""

from histobridge.evaluation.audit import audit, audit_predictions, audit_split
from histobridge.evaluation.deconvolution import benchmark_deconvolution
from histobridge.evaluation.domains import benchmark_domains
from histobridge.evaluation.heldout import HeldOut, hold_out
from histobridge.evaluation.image_value import image_value
from histobridge.evaluation.metrics import list_metrics
from histobridge.evaluation.resolution import benchmark_resolution
from histobridge.evaluation.result import Benchmark
from histobridge.evaluation.runner import benchmark
from histobridge.evaluation.translation import benchmark_translation
from histobridge.splits import (
    KNNDM,
    BufferedLeaveOneOut,
    LeaveOneGroupOut,
    LeaveOnePatientOut,
    LeaveOneSectionOut,
    LeaveOneSiteOut,
    SpatialBlockKFold,
    SpatialFolds,
    spatial_folds,
)

__all__ = [
    "KNNDM",
    "Benchmark",
    "BufferedLeaveOneOut",
    "HeldOut",
    "LeaveOneGroupOut",
    "LeaveOnePatientOut",
    "LeaveOneSectionOut",
    "LeaveOneSiteOut",
    "SpatialBlockKFold",
    "SpatialFolds",
    "audit",
    "audit_predictions",
    "audit_split",
    "benchmark",
    "benchmark_deconvolution",
    "benchmark_domains",
    "benchmark_resolution",
    "benchmark_translation",
    "hold_out",
    "image_value",
    "list_metrics",
    "spatial_folds",
]
