"""Maps that know nothing of the model: what an explanation has to beat."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from histobridge.explain.probe import Probe

CONTROLS = ("random", "centre", "edges")


def centre(probe: Probe) -> np.ndarray:
    """Gaussian around the middle of the patch, a quarter of its side wide."""
    n, side = probe.patches.shape[:2]
    away = (np.arange(side) - (side - 1) / 2) / (side / 4)
    bell = np.exp(-(away[:, None] ** 2 + away**2) / 2)
    return np.broadcast_to(bell, (n, side, side))


def edges(probe: Probe) -> np.ndarray:
    """Gradient of optical density, which every nucleus and fibre has."""
    density = -np.log((probe.patches.mean(axis=-1) + 1) / 256)
    return ndimage.gaussian_gradient_magnitude(density, (0, 1, 1), axes=(0, 1, 2))


def noise(probe: Probe, seed: int) -> np.ndarray:
    """A random value per pixel, so that segments come in random order."""
    shape = probe.segments.shape
    values = np.empty(shape)
    for row, labels in enumerate(probe.segments):
        rng = np.random.default_rng([seed, row])
        values[row] = rng.random(labels.max() + 1)[labels]
    return values
