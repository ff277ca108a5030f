"""Stain normalisation: one section as if it had been stained like another."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from histobridge.contract import ContractError
from histobridge.images.slides import Slide

Change = Callable[[np.ndarray], np.ndarray]

TISSUE = 0.15
"""Optical density (natural logarithm) below which a pixel is background."""

SAMPLE = 5_000
"""Tissue pixels that stains are estimated from."""

# Reinhard et al. (2001), IEEE Comput Graph Appl 21(5):34, equations 4, 6 and 8.
_TO_LMS = np.array(
    [[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]]
)
_TO_LAB = np.diag([3**-0.5, 6**-0.5, 2**-0.5]) @ np.array(
    [[1, 1, 1], [1, 1, -2], [1, -1, 0]]
)


def reinhard(source: np.ndarray, reference: np.ndarray) -> Change:
    """Mean and spread of the source's tissue in l-alpha-beta become the reference's."""
    mine, theirs = (_to_lab(_tissue(p)) for p in (source, reference))
    ratio = theirs.std(axis=0) / np.maximum(mine.std(axis=0), 1e-6)
    shift = theirs.mean(axis=0) - mine.mean(axis=0) * ratio

    def change(pixels: np.ndarray) -> np.ndarray:
        flat = pixels.reshape(-1, 3)
        out = _from_lab(_to_lab(flat) * ratio + shift)
        # What is no tissue stays white.
        out = np.where(_density(flat).mean(axis=1, keepdims=True) < TISSUE, flat, out)
        return out.reshape(pixels.shape)

    return change


def macenko(source: np.ndarray, reference: np.ndarray) -> Change:
    """Stains at the extreme angles of the plane of densities (Macenko et al. 2009)."""
    return _restained(_extreme_angles, source, reference)


def vahadane(source: np.ndarray, reference: np.ndarray) -> Change:
    """Stains by sparse non-negative factorisation (Vahadane et al. 2016)."""
    return _restained(_sparse_factors, source, reference)


NORMALISERS = {"reinhard": reinhard, "macenko": macenko, "vahadane": vahadane}


class StainedSlide(Slide):
    """A slide whose regions are read as if stained like the reference section.

    Raises
    ------
    ContractError
        Unknown name; hardly any tissue.
    """

    def __init__(self, slide: Slide, name: str):
        if name not in NORMALISERS:
            raise ContractError(
                "the name of a stain normaliser", repr(name), NORMALISERS
            )
        super().__init__(slide._pixels, slide.pixel_scale, slide.microns_per_pixel)
        self._change = NORMALISERS[name](slide.thumbnail(), _reference())

    def read(self, left: int, top: int, width: int, height: int) -> np.ndarray:
        """Region as uint8 (height, width, 3), restained."""
        return self._change(super().read(left, top, width, height))


@functools.cache
def _reference() -> np.ndarray:
    """Pixels of the first section of the shipped sample, the same on every machine."""
    from histobridge.data import example_bulb
    from histobridge.images.slides import open_slide

    return open_slide(example_bulb(("Rep4",)), "Rep4").thumbnail()


def _restained(
    stains_of: Callable[[np.ndarray], np.ndarray],
    source: np.ndarray,
    reference: np.ndarray,
) -> Change:
    """Amounts of the source's stains, drawn in the stains of the reference."""
    own, wanted = (_density(_tissue(pixels)) for pixels in (source, reference))
    mine, theirs = stains_of(own), stains_of(wanted)
    ratio = _amounts_high(wanted, theirs) / np.maximum(_amounts_high(own, mine), 1e-6)
    unmix, mix = np.linalg.pinv(mine), ratio[:, None] * theirs

    def change(pixels: np.ndarray) -> np.ndarray:
        amounts = np.maximum(_density(pixels.reshape(-1, 3)) @ unmix, 0)
        return _pixels(amounts @ mix).reshape(pixels.shape)

    return change


def _amounts_high(density: np.ndarray, stains: np.ndarray) -> np.ndarray:
    return np.percentile(density @ np.linalg.pinv(stains), 99, axis=0)


def _extreme_angles(density: np.ndarray) -> np.ndarray:
    """Unit vectors (2, 3) of haematoxylin and eosin."""
    _, vectors = np.linalg.eigh(np.cov(density.T))
    plane = vectors[:, [2, 1]]
    plane = plane * np.where(plane[0] < 0, -1, 1)
    angle = np.arctan2(*(density @ plane).T[::-1])
    ends = np.percentile(angle, [1, 99])
    stains = (plane @ np.array([np.cos(ends), np.sin(ends)])).T
    return _haematoxylin_first(np.abs(stains))


def _sparse_factors(density: np.ndarray, sparsity: float = 0.1) -> np.ndarray:
    """Unit vectors (2, 3) of haematoxylin and eosin.

    Multiplicative updates of ``|D - A S|^2 / 2 + sparsity * sum(A)``, all
    non-negative, from Macenko's vectors.
    """
    stains = np.maximum(_extreme_angles(density), 1e-3)
    density = np.maximum(density, 1e-6)
    amounts = np.maximum(density @ np.linalg.pinv(stains), 1e-3)
    for _ in range(200):
        amounts *= density @ stains.T / (amounts @ (stains @ stains.T) + sparsity)
        stains *= amounts.T @ density / (amounts.T @ amounts @ stains)
        length = np.linalg.norm(stains, axis=1, keepdims=True)
        stains, amounts = stains / length, amounts * length.T
    return _haematoxylin_first(stains)


def _haematoxylin_first(stains: np.ndarray) -> np.ndarray:
    # Haematoxylin takes more of the red light than eosin does.
    return stains[np.argsort(-stains[:, 0])]


def _tissue(pixels: np.ndarray) -> np.ndarray:
    """Tissue pixels (n, 3) of an image, evenly thinned to ``SAMPLE``."""
    flat = pixels.reshape(-1, 3)
    inside = flat[_density(flat).mean(axis=1) >= TISSUE]
    if len(inside) < 100:
        raise ContractError("at least 100 pixels of tissue", f"{len(inside)}")
    return inside[:: max(1, len(inside) // SAMPLE)]


def _density(pixels: np.ndarray) -> np.ndarray:
    return -np.log((pixels.astype(float) + 1) / 256)


def _pixels(density: np.ndarray) -> np.ndarray:
    return np.clip(np.round(256 * np.exp(-density) - 1), 0, 255).astype(np.uint8)


def _to_lab(pixels: np.ndarray) -> np.ndarray:
    lms = (pixels.astype(float) + 1) / 256 @ _TO_LMS.T
    return np.log10(lms) @ _TO_LAB.T


def _from_lab(lab: np.ndarray) -> np.ndarray:
    lms = 10 ** (lab @ np.linalg.inv(_TO_LAB).T)
    found = lms @ np.linalg.inv(_TO_LMS).T
    return np.clip(np.round(256 * found - 1), 0, 255).astype(np.uint8)
