"""Explanation: which pixels a translator reads, with the test of every map."""

from histobridge.explain.pictures import plot_saliency
from histobridge.explain.result import Explanation
from histobridge.explain.verbs import explain_translation

__all__ = ["Explanation", "explain_translation", "plot_saliency"]
