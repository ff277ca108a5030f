"""What every network lets its user choose."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from histobridge.contract import ContractError
from histobridge.images.patches import PatchGrid
from histobridge.nn.recipe import Recipe

CPU_SCALE = 0.125
"""Share of the published size where no GPU is at hand."""

FASTEST = 1e-3
"""Largest learning rate that a smaller size brings about."""


@dataclass(frozen=True)
class Options:
    """Options of every neural system.

    Attributes
    ----------
    scale
        Share of the published size, see :class:`histobridge.nn.size.Size`; default 1
        where there is a GPU, else 1/8. Smaller networks take proportionally larger
        steps, up to 0.001 (or the published rate where that is larger).
    epochs, learning_rate, patience, batch_size
        Instead of those of the recipe; ``epochs`` of every stage, the others of the
        last. With ``patience`` an inner group of training spots (patient, else
        section, else blocks) is held out.
    pixels
        Side of a patch in pixels; by default the published one times the square root
        of ``scale``. Its microns stay.
    device
        Default a GPU where there is one.
    mixed_precision
        bfloat16 on a GPU that has it, as the recipes do; ``False`` for none.
    checkpoint
        Folder; one file per stage, from which an interrupted training resumes.
    progress
        Show a bar.
    seed
        Of weights, batches, dropout and held-out groups.
    """

    scale: float | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    patience: int | None = None
    batch_size: int | None = None
    pixels: int | None = None
    device: str | None = None
    mixed_precision: bool | None = None
    checkpoint: str | None = None
    progress: bool = False
    seed: int = 0

    def size(self) -> float:
        """Scale that is used.

        Raises
        ------
        ContractError
            When it is not above 0 and up to 1.
        """
        if self.scale is not None:
            if not 0 < self.scale <= 1:
                raise ContractError("a scale above 0 and up to 1", f"{self.scale}")
            return float(self.scale)
        import torch

        gpu = self.device is None and torch.cuda.is_available()
        return 1.0 if gpu or str(self.device).startswith("cuda") else CPU_SCALE

    def recipe(self, published: Recipe, *, last: bool) -> Recipe:
        """Recipe of a stage at this scale, with what the user changed."""
        rate = published.learning_rate
        rate = max(rate, min(rate / self.size(), FASTEST))
        recipe = published.but(
            learning_rate=rate,
            epochs=self.epochs,
            mixed_precision=self.mixed_precision,
        )
        if not last:
            return dataclasses.replace(recipe, patience=None)
        return recipe.but(learning_rate=self.learning_rate, patience=self.patience)

    def patch(self, published: PatchGrid | None) -> PatchGrid | None:
        """Patch of the published microns, its pixels chosen or scaled."""
        if published is None:
            return None
        side = max(16, round(published.pixels * math.sqrt(self.size())))
        return PatchGrid(published.microns, self.pixels or side)

    def checkpoint_of(self, number: int) -> Path | None:
        """File of one stage."""
        if self.checkpoint is None:
            return None
        return Path(self.checkpoint) / f"stage{number + 1}.ckpt"


class Trainable(Protocol):
    """A model that reads what its user chose."""

    options: Options


Model = TypeVar("Model", bound=Trainable)


def trainable(
    build: Callable[..., Model],
) -> Callable[..., Model]:
    """Give a factory of a neural system the fields of :class:`Options`."""
    fields = list(inspect.signature(Options).parameters.values())
    names = [field.name for field in fields]

    @functools.wraps(build)
    def create(**params: Any) -> Model:
        given = {name: params.pop(name) for name in names if name in params}
        model = build(**params)
        model.options = Options(**given)
        return model

    own = inspect.signature(build)
    options = [field.replace(kind=inspect.Parameter.KEYWORD_ONLY) for field in fields]
    parameters = [*own.parameters.values(), *options]
    create.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return create
