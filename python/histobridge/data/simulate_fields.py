"""Latent fields of a simulated section, and the cells they imply."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import softmax

from histobridge.data.simulate_image import appearance

_STREAMS = (
    "profiles",
    "domains",
    "image",
    "expression",
    "exclusive",
    "slide",
    "counts",
    "tissue platform",
    "cells",
    "reference platform",
)


@dataclass(frozen=True)
class Tissue:
    """One lattice: domain (side, side) and cells (side, side, n_types)."""

    domain: np.ndarray
    cells: np.ndarray

    def spots(self) -> tuple[np.ndarray, np.ndarray]:
        """Domain (n,) and cells (n, n_types) of the spots, without the margin."""
        cells = self.cells[1:-1, 1:-1]
        return self.domain[1:-1, 1:-1].ravel(), cells.reshape(-1, cells.shape[-1])


def stream(seed: int, cause: str, section: int = 0) -> np.random.Generator:
    """Random numbers of one cause of variation, independent of all others."""
    return np.random.default_rng([seed, _STREAMS.index(cause), section])


def domain_means(seed: int, n_domains: int, n_types: int) -> np.ndarray:
    """Mean logit of every type in every domain: one rules, one accompanies."""
    means = stream(seed, "domains").normal(0, 1.0, (n_domains, n_types))
    domain = np.arange(n_domains)
    means[domain, domain % n_types] += 4.0
    means[domain, (domain + 1 + domain // n_types) % n_types] += 3.0
    return means


def smooth_fields(
    rng: np.random.Generator, count: int, side: int, sigma: float
) -> np.ndarray:
    """Stationary Gaussian fields (count, side, side) of mean 0 and variance 1."""
    # Cut from a larger lattice: filtering to the border would make edges stand out.
    pad = int(np.ceil(3 * sigma))
    white = rng.standard_normal((count, side + 2 * pad, side + 2 * pad))
    field = gaussian_filter(white, (0, sigma, sigma), mode="wrap")
    field = field[:, pad : pad + side, pad : pad + side]
    field -= field.mean(axis=(1, 2), keepdims=True)
    return field / field.std(axis=(1, 2), keepdims=True)


def tissues(
    seed: int,
    section: int,
    side: int,
    means: np.ndarray,
    shared: float,
    tile_um2: float,
) -> tuple[Tissue, Tissue]:
    """Tissue A, which is painted, and tissue B, which is sequenced.

    Parameters
    ----------
    side
        Tiles per side, margin included.
    means
        Mean logits (n_domains, n_types).
    shared
        Fraction of the variance of B's latent fields that comes from A's.
    tile_um2
        Area of a tile in square microns, which sets how many cells it holds.
    """
    latent = []
    for cause in ("image", "expression"):
        rng = stream(seed, cause, section)
        regions = smooth_fields(rng, len(means), side, side / 6)
        mixture = smooth_fields(rng, means.shape[1], side, 1.0)
        latent.append(np.concatenate([regions, mixture]))
    mixed = np.sqrt(shared) * latent[0] + np.sqrt(1 - shared) * latent[1]
    return _tissue(latent[0], means, tile_um2), _tissue(mixed, means, tile_um2)


def _tissue(latent: np.ndarray, means: np.ndarray, tile_um2: float) -> Tissue:
    """Domains and whole cells from n_domains + n_types latent fields."""
    domain = latent[: len(means)].argmax(axis=0)
    mixture = np.moveaxis(latent[len(means) :], 0, -1)
    expected = softmax(means[domain] + 0.9 * mixture, axis=-1)
    area = expected @ appearance(means.shape[1])[:, 4]
    expected *= np.maximum(1, np.rint(tile_um2 / area))[..., None]
    # Largest remainders make whole cells without adding noise of their own.
    cells = np.floor(expected)
    missing = np.rint((expected - cells).sum(axis=-1, keepdims=True))
    rank = np.argsort(np.argsort(cells - expected, axis=-1), axis=-1)
    return Tissue(domain, (cells + (rank < missing)).astype(int))
