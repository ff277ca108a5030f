"""The shipped real sample and simulated tissue with planted truth."""

from histobridge.data.example import example_bulb, example_mixture, example_reference
from histobridge.data.mixtures import simulate_spots
from histobridge.data.pseudo import pseudo_spots
from histobridge.data.simulate import simulate_reference, simulate_tissue
from histobridge.data.spatialdata import read_spatialdata

__all__ = [
    "example_bulb",
    "example_mixture",
    "example_reference",
    "pseudo_spots",
    "read_spatialdata",
    "simulate_reference",
    "simulate_spots",
    "simulate_tissue",
]
