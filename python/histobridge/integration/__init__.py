"""Integration: embeddings, domains and their genes, denoised expression, pseudotime."""

from histobridge.integration.base import Integrator
from histobridge.integration.denoising import denoise
from histobridge.integration.domain_genes import find_domain_genes
from histobridge.integration.gradient import trace_gradient
from histobridge.integration.mixture import SharedCovarianceMixture
from histobridge.integration.verbs import find_domains, run_integration

__all__ = [
    "Integrator",
    "SharedCovarianceMixture",
    "denoise",
    "find_domain_genes",
    "find_domains",
    "run_integration",
    "trace_gradient",
]
