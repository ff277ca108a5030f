"""The shipped real sample and simulated tissue with planted truth."""

from histobridge.data.example import example_bulb, example_mixture, example_reference
from histobridge.data.simulate import simulate_reference, simulate_tissue

__all__ = [
    "example_bulb",
    "example_mixture",
    "example_reference",
    "simulate_reference",
    "simulate_tissue",
]
