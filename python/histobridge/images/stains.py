"""Stain normalisation: one section as if it had been stained like another.

A normaliser measures an image (a few numbers: its stain profile) and turns two
profiles into a change of pixels, so that profiles can be kept in place of images.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from histobridge import keys
from histobridge.contract import ContractError
from histobridge.images.slides import Slide

if TYPE_CHECKING:
    from anndata import AnnData

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


@dataclass(frozen=True)
class Normaliser:
    """How stains are measured, and how one profile is drawn like another.

    Attributes
    ----------
    measure
        Pixels -> profile (p,); ContractError where there is hardly any tissue.
    change
        Own and wanted profile -> change of pixels.
    """

    measure: Callable[[np.ndarray], np.ndarray]
    change: Callable[[np.ndarray, np.ndarray], Change]

    def __call__(self, source: np.ndarray, reference: np.ndarray) -> Change:
        """Change that makes images like ``source`` look like ``reference``."""
        return self.change(self.measure(source), self.measure(reference))


def _lab_moments(pixels: np.ndarray) -> np.ndarray:
    lab = _to_lab(_tissue(pixels))
    return np.concatenate([lab.mean(axis=0), lab.std(axis=0)])


def _same_moments(own: np.ndarray, wanted: np.ndarray) -> Change:
    ratio = wanted[3:] / np.maximum(own[3:], 1e-6)
    shift = wanted[:3] - own[:3] * ratio

    def change(pixels: np.ndarray) -> np.ndarray:
        flat = pixels.reshape(-1, 3)
        out = _from_lab(_to_lab(flat) * ratio + shift)
        # What is no tissue stays white.
        out = np.where(_density(flat).mean(axis=1, keepdims=True) < TISSUE, flat, out)
        return out.reshape(pixels.shape)

    return change


def _unmixed(stains_of: Callable[[np.ndarray], np.ndarray]) -> Normaliser:
    """Amounts of the source's stains, drawn in the stains of the reference."""

    def measure(pixels: np.ndarray) -> np.ndarray:
        density = _density(_tissue(pixels))
        stains = stains_of(density)
        most = np.percentile(density @ np.linalg.pinv(stains), 99, axis=0)
        return np.concatenate([stains.ravel(), most])

    return Normaliser(measure, _restained)


def _restained(own: np.ndarray, wanted: np.ndarray) -> Change:
    ratio = wanted[6:] / np.maximum(own[6:], 1e-6)
    unmix = np.linalg.pinv(own[:6].reshape(2, 3))
    mix = ratio[:, None] * wanted[:6].reshape(2, 3)

    def change(pixels: np.ndarray) -> np.ndarray:
        amounts = np.maximum(_density(pixels.reshape(-1, 3)) @ unmix, 0)
        return _pixels(amounts @ mix).reshape(pixels.shape)

    return change


class StainedSlide(Slide):
    """A slide whose regions are read after a change of their pixels.

    Attributes
    ----------
    stain
        What the change depends on, for the keys of the feature cache.
    """

    def __init__(self, slide: Slide, change: Change, stain: tuple):
        super().__init__(slide._pixels, slide.pixel_scale, slide.microns_per_pixel)
        self._change = change
        self.stain = stain

    def read(self, left: int, top: int, width: int, height: int) -> np.ndarray:
        """Region as uint8 (height, width, 3), restained."""
        return self._change(super().read(left, top, width, height))


def restained(adata: AnnData, section: str, slide: Slide, name: str) -> StainedSlide:
    """The slide as if stained like the shipped sample, or as it was harmonised.

    Parameters
    ----------
    name
        Of a normaliser, whose reference is the shipped sample, or the name under
        which ``harmonize_sections`` has recorded the stains of the sections.

    Raises
    ------
    ContractError
        Neither of the two; a section that was not harmonised; hardly any tissue.
    """
    if name in NORMALISERS:
        change = NORMALISERS[name](slide.thumbnail(), _reference())
        return StainedSlide(slide, change, (name,))
    known = harmonised_stains(adata)
    if name not in known:
        raise ContractError(
            "the name of a stain normaliser or of harmonised stains",
            repr(name),
            [*NORMALISERS, *known],
        )
    method, profiles = known[name]["method"], known[name]["profiles"]
    if section not in profiles:
        raise ContractError(f"a section of {name!r}", repr(section), profiles)
    own, wanted = (
        np.asarray(profile, dtype=float)
        for profile in (profiles[section], known[name]["wanted"])
    )
    change = NORMALISERS[method].change(own, wanted)
    return StainedSlide(slide, change, (method, own, wanted))


def harmonised_stains(adata: AnnData) -> dict[str, dict[str, Any]]:
    """Settings of every harmonisation of stains that the object holds, by name."""
    records = adata.uns.get(keys.SETTINGS, {})
    return {
        name: record
        for name, record in records.items()
        if isinstance(record, dict) and "profiles" in record
    }


@functools.cache
def _reference() -> np.ndarray:
    """Pixels of the first section of the shipped sample, the same on every machine."""
    from histobridge.data import example_bulb
    from histobridge.images.slides import open_slide

    return open_slide(example_bulb(("Rep4",)), "Rep4").thumbnail()


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


# Macenko et al. 2009: stains at the extreme angles of the plane of densities.
# Vahadane et al. 2016: stains by sparse non-negative factorisation.
NORMALISERS = {
    "reinhard": Normaliser(_lab_moments, _same_moments),
    "macenko": _unmixed(_extreme_angles),
    "vahadane": _unmixed(_sparse_factors),
}


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
