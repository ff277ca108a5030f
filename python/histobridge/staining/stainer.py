"""Estimators of virtual stains: taught by a lesson, they paint patches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from histobridge.contract import ContractError
from histobridge.images.patches import PatchGrid
from histobridge.nn.recipe import Recipe
from histobridge.normalisation import pearson_columns
from histobridge.staining.lesson import Lesson
from histobridge.translation.options import Options

if TYPE_CHECKING:
    import torch

    from histobridge.nn.maps import MapBatch, Painter

PATCH = PatchGrid(microns=256, pixels=64)
CHUNK = 32
"""Patches painted at a time."""


class Stainer:
    """Base of virtual stains: channels in standard units inside, their own outside.

    A subclass writes ``_fit(lesson, held)`` and ``_paint(pixels)``.

    Attributes
    ----------
    options
        What the user chose.
    default_markers
        Channel -> genes, where the user asks for nothing.
    """

    options = Options()
    default_markers: Mapping[str, tuple[str, ...]] = MappingProxyType({})

    @property
    def patch(self) -> PatchGrid:
        """What is painted at a time."""
        return PatchGrid(PATCH.microns, self.options.pixels or PATCH.pixels)

    def fit(self, lesson: Lesson, held: np.ndarray | None = None) -> Stainer:
        """Learn from a lesson.

        Parameters
        ----------
        held
            (n,) which patches are kept to stop by.

        Raises
        ------
        ContractError
            Fewer than ten patches; a channel that does not vary.
        """
        held = np.zeros(len(lesson), dtype=bool) if held is None else held
        if (~held).sum() < 10:
            raise ContractError("at least 10 training spots", int((~held).sum()))
        taught = lesson.take(np.flatnonzero(~held))
        channels = [*np.moveaxis(taught.maps, 1, 0), *taught.values.T]
        self.mean_ = np.array([c.mean(dtype=float) for c in channels])
        self.spread_ = np.array([c.std(dtype=float) for c in channels])
        if not (self.spread_ > 1e-9).all():
            flat = np.flatnonzero(self.spread_ <= 1e-9) + 1
            raise ContractError("channels that vary", f"constant channels {flat}")
        self._fit(self._standard(lesson), held)
        return self

    def paint(self, pixels: np.ndarray) -> np.ndarray:
        """Maps (n, channels, side, side) of uint8 patches (n, side, side, 3)."""
        maps = self._paint(pixels)
        return maps * self.spread_[:, None, None] + self.mean_[:, None, None]

    def _standard(self, lesson: Lesson) -> Lesson:
        n = lesson.maps.shape[1]
        mean, spread = self.mean_.astype("f4"), self.spread_.astype("f4")
        maps = lesson.maps - mean[:n, None, None]
        values = (lesson.values - mean[n:]) / spread[n:]
        return replace(lesson, maps=maps / spread[:n, None, None], values=values)

    def _fit(self, lesson: Lesson, held: np.ndarray) -> None:
        raise NotImplementedError

    def _paint(self, pixels: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class NeuralStainer(Stainer):
    """A network trained by the one loop.

    Parameters
    ----------
    network
        ``network(channels, scale)`` builds a :class:`histobridge.nn.maps.Painter`.
    recipe, size
        How it is trained, and patches per step.
    """

    def __init__(
        self, network: Callable[[int, float], Painter], recipe: Recipe, size: int = 16
    ):
        self.network, self.recipe, self.size = network, recipe, size

    def _fit(self, lesson: Lesson, held: np.ndarray) -> None:
        from histobridge.nn.maps import patches
        from histobridge.nn.seeding import seeded
        from histobridge.nn.training import train

        options, channels = self.options, len(self.mean_)
        recipe = options.recipe(self.recipe, last=True)
        with seeded(options.seed):
            self.network_ = self.network(channels, options.size())
        table = _tensors(lesson.take(np.flatnonzero(~held)))
        score = None
        if held.any():
            score = _scorer(lesson.take(np.flatnonzero(held)))
        self.history_ = train(
            self.network_,
            lambda epoch, generator: patches(
                table, options.batch_size or self.size, generator
            ),
            lambda network, batch: network.loss(batch),
            recipe,
            score=score,
            seed=options.seed,
            device=options.device,
            checkpoint=options.checkpoint_of(0),
            title="virtual stain",
            progress=options.progress,
        )

    def _paint(self, pixels: np.ndarray) -> np.ndarray:
        return _painted(self.network_, pixels)


def _tensors(lesson: Lesson) -> MapBatch:
    import torch

    from histobridge.nn.maps import MapBatch

    parts = (lesson.pixels, lesson.disc, lesson.maps, lesson.values)
    return MapBatch(*(torch.from_numpy(np.ascontiguousarray(p)) for p in parts))


def _painted(network: torch.nn.Module, pixels: np.ndarray) -> np.ndarray:
    import torch

    from histobridge.nn.training import device_of

    device = device_of(network)
    with torch.inference_mode():
        parts = [
            network(torch.from_numpy(part).to(device)).float().cpu().numpy()
            for part in _chunks(pixels)
        ]
    return np.concatenate(parts)


def _chunks(pixels: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(pixels), CHUNK):
        yield np.ascontiguousarray(pixels[start : start + CHUNK])


def _scorer(lesson: Lesson) -> Callable[[torch.nn.Module], float]:
    """Mean Pearson over the channels of spots that were held out."""
    truth = np.concatenate([disc_mean(lesson.maps, lesson.disc), lesson.values], axis=1)

    def score(network: torch.nn.Module) -> float:
        guess = disc_mean(_painted(network, lesson.pixels), lesson.disc)
        return float(pearson_columns(guess, truth).mean())

    return score


def disc_mean(maps: np.ndarray, disc: np.ndarray) -> np.ndarray:
    """Mean (n, channels) of maps (n, channels, side, side) over the spot."""
    inside = disc[:, None].astype(float)
    return (maps * inside).sum(axis=(2, 3)) / inside.sum(axis=(2, 3))
