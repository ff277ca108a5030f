"""Integration: embeddings and spatial domains."""

from histobridge.integration.mixture import SharedCovarianceMixture
from histobridge.integration.verbs import find_domains

__all__ = ["SharedCovarianceMixture", "find_domains"]
