"""Spatial and feature graphs: sparse only, block-diagonal over sections."""

from histobridge.graphs.across import consecutive_graph, mutual_graph
from histobridge.graphs.features import colour_coordinates, feature_graph
from histobridge.graphs.near import medoid_graph, near_graph
from histobridge.graphs.neighbours import (
    has_microns,
    knn_graph,
    laplacian,
    nearest,
    neighbour_mean,
    pitch,
    positions_microns,
    section_codes,
    symmetric,
)
from histobridge.graphs.shapes import (
    alpha_graph,
    delaunay_graph,
    lattice_rings,
    radius_graph,
    ring_graph,
)
from histobridge.graphs.tiles import Tile, tiles
from histobridge.graphs.weights import (
    gaussian_bandwidth,
    gaussian_weights,
    gcn_norm,
    label_pruned,
    product_weights,
    row_mean,
    strongest,
    symmetric_norm,
    with_self,
)

__all__ = [
    "Tile",
    "alpha_graph",
    "colour_coordinates",
    "consecutive_graph",
    "delaunay_graph",
    "feature_graph",
    "gaussian_bandwidth",
    "gaussian_weights",
    "gcn_norm",
    "has_microns",
    "knn_graph",
    "label_pruned",
    "laplacian",
    "lattice_rings",
    "medoid_graph",
    "mutual_graph",
    "near_graph",
    "nearest",
    "neighbour_mean",
    "pitch",
    "positions_microns",
    "product_weights",
    "radius_graph",
    "ring_graph",
    "row_mean",
    "section_codes",
    "strongest",
    "symmetric",
    "symmetric_norm",
    "tiles",
    "with_self",
]
