"""How a network is trained, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "step", "linear", "cosine", "plateau")


@dataclass(frozen=True)
class Recipe:
    """Optimiser, schedule and stopping rule.

    Attributes
    ----------
    epochs
        At most so many passes.
    learning_rate, weight_decay, momentum
        ``momentum`` is read by ``sgd`` only.
    optimizer
        ``adam``, ``adamw`` or ``sgd``.
    schedule
        ``constant``; ``step`` (times ``step_factor`` every ``step_epochs``);
        ``linear`` or ``cosine`` decay to zero over ``epochs``; ``plateau`` (times
        ``step_factor`` after ``step_epochs`` epochs without a better score, or loss
        where there is no score).
    clip
        Largest norm of the gradient.
    patience
        Stop after so many epochs without a better score and return to the best.
    mixed_precision
        bfloat16 on a GPU that has it.
    """

    epochs: int
    learning_rate: float
    optimizer: str = "adam"
    weight_decay: float = 0.0
    momentum: float = 0.9
    schedule: str = "constant"
    step_epochs: int = 10
    step_factor: float = 0.5
    clip: float | None = None
    patience: int | None = None
    mixed_precision: bool = True

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"expected one of {OPTIMIZERS}; found {self.optimizer!r}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"expected one of {SCHEDULES}; found {self.schedule!r}")
        if self.epochs < 1:
            raise ValueError(f"expected at least one epoch; found {self.epochs}")

    def but(self, **changes: Any) -> Recipe:
        """Copy with the ``changes`` that are not None."""
        given = {name: value for name, value in changes.items() if value is not None}
        return replace(self, **given)
