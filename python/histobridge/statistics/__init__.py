"""Spatial statistics: autocorrelation, its nulls, differences, discovery rates.

Examples
--------
>>> import histobridge as hb
>>> bulb = hb.data.example_bulb(("Rep4",))
>>> points, sections = hb.graphs.positions_microns(bulb), hb.graphs.section_codes(bulb)
>>> graph = hb.graphs.knn_graph(points, sections, 6)
>>> weights = hb.statistics.row_standardised(graph)
>>> hb.statistics.morans_i(bulb[:, ["Th", "Penk"]].X, weights).round(2)
array([0.04, 0.41])
>>> hb.statistics.morans_p(bulb[:, ["Th", "Penk"]].X, weights, draws=99)
array([0.03, 0.01])
"""

from histobridge.graphs import row_mean as row_standardised
from histobridge.statistics.autocorrelation import (
    morans_i,
    morans_moments,
    morans_p,
)
from histobridge.statistics.differential import test_spatial_de
from histobridge.statistics.discovery import benjamini_hochberg, fraction_significant
from histobridge.statistics.gls import fit_gls
from histobridge.statistics.nulls import (
    section_shifts,
    shifted_p,
    toroidal_p,
    toroidal_shifts,
)
from histobridge.statistics.regions import (
    log_fold_change,
    pseudobulk_difference,
    wilcoxon_p,
)
from histobridge.statistics.thinning import split_counts

__all__ = [
    "benjamini_hochberg",
    "fit_gls",
    "fraction_significant",
    "log_fold_change",
    "morans_i",
    "morans_moments",
    "morans_p",
    "pseudobulk_difference",
    "row_standardised",
    "section_shifts",
    "shifted_p",
    "split_counts",
    "test_spatial_de",
    "toroidal_p",
    "toroidal_shifts",
    "wilcoxon_p",
]
