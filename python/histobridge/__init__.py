"""HistoBridge: morphology-aware spatial transcriptomics, scored honestly.

Importing this module is light: torch and scanpy are loaded when first used.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.99.0"

_HOMES = {
    "add_morphology": "histobridge.images",
    "check_registration": "histobridge.images",
    "count_nuclei": "histobridge.images",
    "train_translation": "histobridge.translation",
    "predict_expression": "histobridge.translation",
    "save_model": "histobridge.translation",
    "load_model": "histobridge.translation",
    "stain_virtually": "histobridge.staining",
    "cross_check": "histobridge.staining",
    "run_integration": "histobridge.integration",
    "find_domains": "histobridge.integration",
    "find_domain_genes": "histobridge.integration",
    "denoise": "histobridge.integration",
    "trace_gradient": "histobridge.integration",
    "deconvolve": "histobridge.deconvolution",
    "align_sections": "histobridge.sections",
    "harmonize_sections": "histobridge.sections",
    "enhance_resolution": "histobridge.resolution",
    "test_spatial_de": "histobridge.statistics",
    "benchmark": "histobridge.evaluation",
    "benchmark_translation": "histobridge.evaluation",
    "benchmark_domains": "histobridge.evaluation",
    "benchmark_deconvolution": "histobridge.evaluation",
    "benchmark_resolution": "histobridge.evaluation",
    "spatial_folds": "histobridge.evaluation",
    "audit_split": "histobridge.evaluation",
    "hold_out": "histobridge.evaluation",
    "image_value": "histobridge.evaluation",
    "explain_translation": "histobridge.explain",
    "plot_saliency": "histobridge.explain",
    "write_report": "histobridge.report",
    "plot_spots": "histobridge.plotting",
    "plot_expression_pair": "histobridge.plotting",
    "plot_domains": "histobridge.plotting",
    "plot_proportions": "histobridge.plotting",
    "plot_sections": "histobridge.plotting",
    "plot_benchmark": "histobridge.plotting",
    "plot_leakage": "histobridge.plotting",
    "view_section": "histobridge.plotting",
    "list_systems": "histobridge.registry",
    "list_metrics": "histobridge.evaluation",
    "histobridge_info": "histobridge.info",
    "ContractError": "histobridge.contract",
}
_MODULES = (
    "contract",
    "data",
    "deconvolution",
    "evaluation",
    "explain",
    "graphs",
    "images",
    "integration",
    "interop",
    "keys",
    "plotting",
    "registry",
    "report",
    "resolution",
    "sections",
    "splits",
    "staining",
    "statistics",
    "translation",
)

__all__ = [*_HOMES, *_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"histobridge.{name}")
    raise AttributeError(f"module 'histobridge' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
