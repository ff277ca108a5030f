"""Colour and texture statistics of patches, stains separated."""

from __future__ import annotations

import numpy as np

RESOLUTION_MICRONS = 2.75
"""Microns per pixel at which texture is measured, whatever the scan."""

# Ruifrok & Johnston (2001), Anal Quant Cytol Histol 23:291, table 1.
_STAINS = np.array(
    [[0.650, 0.704, 0.286], [0.072, 0.990, 0.105], [0.268, 0.570, 0.776]]
)
_UNMIX = np.linalg.inv(_STAINS / np.linalg.norm(_STAINS, axis=1, keepdims=True))

_QUANTILES = (5, 25, 50, 75, 95)


def separate_stains(patches: np.ndarray) -> np.ndarray:
    """Optical density of haematoxylin, eosin and residual.

    Parameters
    ----------
    patches
        uint8 (..., 3) RGB.

    Returns
    -------
    float (..., 3), by the colour deconvolution of Ruifrok & Johnston (2001).
    """
    return unmixed(-np.log10((patches.astype(np.float32) + 1.0) / 256.0))


def unmixed(density: np.ndarray) -> np.ndarray:
    """Haematoxylin, eosin and residual (..., 3) of densities of R, G and B."""
    return density @ _UNMIX.astype(np.float32)


def colour_names() -> list[str]:
    """Names of the columns of :func:`colour_features`."""
    channels = ("red", "green", "blue", "haematoxylin", "eosin")
    names = []
    for channel in channels:
        names += [f"{channel}_mean", f"{channel}_sd"]
        names += [f"{channel}_q{q:02d}" for q in _QUANTILES]
        names += [f"{channel}_edge", f"{channel}_edge_sd", f"{channel}_grain"]
    return [*names, "nuclear", "white"]


def colour_features(patches: np.ndarray) -> np.ndarray:
    """Statistics of (n, side, side, 3) uint8 patches, one row per patch.

    Per channel (red, green, blue, haematoxylin, eosin): mean, standard deviation,
    five quantiles, mean and spread of the gradient, and grain (mean absolute
    Laplacian). Then the fractions of nuclear and of white pixels.
    """
    stains = separate_stains(patches)[..., :2]
    channels = np.concatenate([patches.astype(np.float32) / 255.0, stains], axis=-1)
    n, count = len(patches), channels.shape[-1]
    flat = channels.reshape(n, -1, count)
    quantiles = np.moveaxis(np.percentile(flat, _QUANTILES, axis=1), 0, -1)
    gy, gx = np.gradient(channels, axis=(1, 2))
    edge = np.sqrt(gx**2 + gy**2).reshape(n, -1, count)
    inner = channels[:, 1:-1, 1:-1]
    around = (
        channels[:, :-2, 1:-1]
        + channels[:, 2:, 1:-1]
        + channels[:, 1:-1, :-2]
        + channels[:, 1:-1, 2:]
    )
    grain = np.abs(inner - around / 4).mean(axis=(1, 2))
    per_channel = np.concatenate(
        [
            np.stack([flat.mean(1), flat.std(1)], axis=-1),
            quantiles,
            np.stack([edge.mean(1), edge.std(1), grain], axis=-1),
        ],
        axis=-1,
    )
    nuclear = (stains[..., 0] > 0.25).mean(axis=(1, 2))
    white = (patches.min(axis=-1) > 220).mean(axis=(1, 2))
    return np.column_stack([per_channel.reshape(n, -1), nuclear, white])
