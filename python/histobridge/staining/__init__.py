"""Virtual stains: maps of a stain or of marker genes, painted from the H&E."""

from histobridge.staining.cross_check import cross_check
from histobridge.staining.figure import plot_cross_check
from histobridge.staining.verbs import stain_virtually

__all__ = ["cross_check", "plot_cross_check", "stain_virtually"]
