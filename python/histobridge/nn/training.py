"""The one training loop."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from histobridge.contract import ContractError
from histobridge.nn.recipe import Recipe
from histobridge.nn.seeding import seeded

Batches = Callable[[int, torch.Generator], Iterable[Any]]
Model = TypeVar("Model", bound=torch.nn.Module)
Loss = Callable[[Model, Any], torch.Tensor]
Score = Callable[[Model], float]


@dataclass
class History:
    """What happened: one loss per epoch, one score where there is one.

    Attributes
    ----------
    best_epoch
        Epoch (from 0) of the weights that were kept.
    stopped
        Whether patience ran out before the last epoch.
    """

    loss: list[float] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    best_epoch: int = -1
    stopped: bool = False


def train(
    model: Model,
    batches: Batches,
    loss: Loss[Model],
    recipe: Recipe,
    *,
    score: Score[Model] | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    checkpoint: str | Path | None = None,
    title: str = "training",
    progress: bool = False,
) -> History:
    """Train ``model`` in place; it is left in evaluation mode on the CPU.

    Every epoch starts from a seed of its own, so a run that was interrupted ends
    with the weights of one that was not, and torch's global random state is as
    before afterwards.

    Parameters
    ----------
    batches
        ``batches(epoch, generator)`` yields the batches of one epoch: anything that
        ``loss`` reads. Tensors, also within tuples, lists and dicts, and objects
        with a method ``to(device)`` are moved. Full-batch training yields one.
    loss
        ``loss(model, batch)`` is a scalar.
    score
        ``score(model)``, larger is better, on data that no batch holds; called in
        evaluation mode after every epoch. The best epoch's weights are kept.
    seed
        Of dropout and of the generator that ``batches`` gets.
    device
        Default a GPU where there is one.
    checkpoint
        File written after every epoch and read where it exists.
    title, progress
        Of the bar.

    Raises
    ------
    ContractError
        When the loss is not finite, patience is asked without a score, or the
        checkpoint belongs to another training.
    """
    if recipe.patience is not None and score is None:
        raise ContractError("a score to stop early by", "patience without a score")
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    run = _Run(model.to(device), recipe, seed)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        run.load(path, device)
    with _bar(run.epoch, recipe.epochs, title, progress) as bar:
        while not run.finished:
            mean = _one_epoch(run, batches, loss, device)
            run.close_epoch(mean, _scored(model, score, seed, run.epoch))
            if path is not None:
                run.save(path)
            bar.set_postfix(loss=f"{mean:.4g}", refresh=False)
            bar.update()
    run.keep_best()
    model.to("cpu").eval()
    return run.history


class _Run:
    """State of a training, everything that a checkpoint holds."""

    def __init__(self, model: torch.nn.Module, recipe: Recipe, seed: int):
        self.model, self.recipe, self.seed = model, recipe, seed
        self.optimizer = make_optimizer(model, recipe)
        self.schedule = make_schedule(self.optimizer, recipe)
        self.epoch = 0
        self.history = History()
        self.best: dict[str, torch.Tensor] | None = None

    @property
    def finished(self) -> bool:
        return self.history.stopped or self.epoch >= self.recipe.epochs

    def close_epoch(self, loss: float, score: float | None) -> None:
        history = self.history
        history.loss.append(loss)
        if score is None:
            history.best_epoch = self.epoch
        else:
            if not history.score or score > max(history.score):
                history.best_epoch = self.epoch
                self.best = copy.deepcopy(self.model.state_dict())
            history.score.append(score)
        waited = self.epoch - history.best_epoch
        patience = self.recipe.patience
        history.stopped = patience is not None and waited >= patience
        if self.recipe.schedule == "plateau":
            self.schedule.step(loss if score is None else -score)
        else:
            self.schedule.step()
        self.epoch += 1

    def keep_best(self) -> None:
        if self.best is not None:
            self.model.load_state_dict(self.best)

    def _identity(self) -> dict[str, Any]:
        shapes = {k: list(v.shape) for k, v in self.model.state_dict().items()}
        return {"recipe": asdict(self.recipe), "seed": self.seed, "shapes": shapes}

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        state = {
            "identity": self._identity(),
            "epoch": self.epoch,
            "history": asdict(self.history),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "best": self.best,
        }
        torch.save(state, part)
        # Renaming is atomic: a file under its name is whole, whenever we are killed.
        part.replace(path)

    def load(self, path: Path, device: torch.device) -> None:
        state = torch.load(path, map_location=device, weights_only=True)
        if state["identity"] != self._identity():
            raise ContractError(
                "a checkpoint of this training",
                f"{str(path)!r} of another recipe, seed or network",
            )
        self.epoch = state["epoch"]
        self.history = History(**state["history"])
        self.best = state["best"]
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])


def _one_epoch(run: _Run, batches: Batches, loss: Loss, device: torch.device) -> float:
    """Mean loss of one pass."""
    model, recipe, values = run.model, run.recipe, []
    model.train()
    with seeded(run.seed, run.epoch) as generator, _deterministic():
        for batch in batches(run.epoch, generator):
            run.optimizer.zero_grad(set_to_none=True)
            with _precision(device, recipe):
                value = loss(model, moved(batch, device))
            if not torch.isfinite(value):
                found = f"{value.item()} in epoch {run.epoch + 1}"
                raise ContractError("a finite loss", found, "a smaller learning rate")
            value.backward()
            if recipe.clip is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
            run.optimizer.step()
            values.append(value.item())
    if not values:
        raise ContractError("at least one batch per epoch", "none")
    return float(np.mean(values))


def _scored(
    model: Model, score: Score[Model] | None, seed: int, epoch: int
) -> float | None:
    if score is None:
        return None
    model.eval()
    with seeded(seed, epoch, 1), torch.no_grad():
        value = float(score(model))
    if not np.isfinite(value):
        raise ContractError("a finite score", f"{value} in epoch {epoch + 1}")
    return value


def make_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Optimiser over the parameters that ask for a gradient."""
    trained = [p for p in model.parameters() if p.requires_grad]
    rate, decay = recipe.learning_rate, recipe.weight_decay
    common: dict[str, Any] = {"lr": rate, "weight_decay": decay}
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(trained, momentum=recipe.momentum, **common)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return kinds[recipe.optimizer](trained, **common)


def make_schedule(optimizer: torch.optim.Optimizer, recipe: Recipe) -> Any:
    """Learning-rate schedule, stepped once per epoch."""
    kinds, n = torch.optim.lr_scheduler, recipe.epochs
    if recipe.schedule == "plateau":
        return kinds.ReduceLROnPlateau(
            optimizer, factor=recipe.step_factor, patience=recipe.step_epochs
        )
    factors: dict[str, Callable[[int], float]] = {
        "constant": lambda epoch: 1.0,
        "step": lambda epoch: recipe.step_factor ** (epoch // recipe.step_epochs),
        "linear": lambda epoch: max(1 - epoch / n, 0.0),
        "cosine": lambda epoch: (1 + math.cos(math.pi * min(epoch / n, 1))) / 2,
    }
    return kinds.LambdaLR(optimizer, factors[recipe.schedule])


def moved(batch: Any, device: torch.device) -> Any:
    """``batch`` with every tensor in it on ``device``."""
    if hasattr(batch, "to"):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: moved(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        return type(batch)(moved(value, device) for value in batch)
    return batch


@contextmanager
def only(model: torch.nn.Module, blocks: Sequence[str]) -> Iterator[None]:
    """Freeze all of ``model`` but the named ``blocks`` inside the block; none: all.

    What was frozen before stays frozen.
    """
    frozen = []
    for name, parameter in model.named_parameters():
        ours = not blocks or any(name.startswith(f"{block}.") for block in blocks)
        if parameter.requires_grad and not ours:
            parameter.requires_grad_(False)
            frozen.append(parameter)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)


def device_of(model: torch.nn.Module) -> torch.device:
    """Where the parameters of ``model`` are."""
    return next(model.parameters()).device


def _precision(device: torch.device, recipe: Recipe) -> AbstractContextManager:
    able = device.type == "cuda" and torch.cuda.is_bf16_supported()
    if able and recipe.mixed_precision:
        return torch.autocast("cuda", torch.bfloat16)
    return nullcontext()


def _deterministic() -> AbstractContextManager:
    return torch.backends.cudnn.flags(deterministic=True, benchmark=False)


def _bar(done: int, total: int, title: str, show: bool) -> Any:
    from tqdm.auto import tqdm

    return tqdm(initial=done, total=total, desc=title, disable=not show, leave=False)
