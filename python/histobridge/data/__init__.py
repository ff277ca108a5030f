"""The shipped real sample and simulated tissue with planted truth."""

from histobridge.data.archives import unpack_archive
from histobridge.data.cells import read_cells
from histobridge.data.example import example_bulb, example_mixture, example_reference
from histobridge.data.mixtures import simulate_spots
from histobridge.data.pseudo import pseudo_spots
from histobridge.data.simulate import simulate_reference, simulate_tissue
from histobridge.data.spatialdata import read_spatialdata
from histobridge.data.st import read_st
from histobridge.data.visium import read_visium

__all__ = [
    "example_bulb",
    "example_mixture",
    "example_reference",
    "pseudo_spots",
    "read_cells",
    "read_spatialdata",
    "read_st",
    "read_visium",
    "simulate_reference",
    "simulate_spots",
    "simulate_tissue",
    "unpack_archive",
]
