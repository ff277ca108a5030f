"""Deconvolution: cell-type proportions of spots from a single-cell reference."""

from histobridge.deconvolution.verbs import deconvolve

__all__ = ["deconvolve"]
