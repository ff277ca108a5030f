"""What the systems fitted by gradient share: likelihoods, and the one training call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from histobridge.nn.recipe import Recipe
from histobridge.nn.seeding import seeded
from histobridge.nn.training import Model, train

TINY = 1e-8


def fit(
    make: Callable[[], Model],
    *arrays: np.ndarray,
    epochs: int,
    learning_rate: float,
    seed: int,
    batch: int | None = None,
) -> Model:
    """Make a module whose ``forward`` is its loss, and minimise that.

    Parameters
    ----------
    make
        Builds the module, under the seed.
    arrays
        Of equal length; ``forward`` gets one tensor of each, then the positions of
        the rows.
    batch
        Rows at a time; all by default.
    """
    with seeded(seed):
        module = make()
    tensors = [torch.as_tensor(a, dtype=torch.float32) for a in arrays]
    n = len(tensors[0])

    def batches(epoch: int, generator: torch.Generator):
        if batch is None or batch >= n:
            yield (*tensors, torch.arange(n))
            return
        for rows in torch.randperm(n, generator=generator).split(batch):
            yield (*(t[rows] for t in tensors), rows)

    recipe = Recipe(epochs=epochs, learning_rate=learning_rate, clip=100.0)
    train(module, batches, lambda m, part: m(*part), recipe, seed=seed, device="cpu")
    return module


def negative_binomial(counts: Tensor, mean: Tensor, inverse_dispersion: Tensor):
    """Minus log-likelihood, up to what does not depend on the parameters but counts."""
    theta, mean = inverse_dispersion + TINY, mean + TINY
    log_sum = torch.log(theta + mean)
    return -(
        torch.lgamma(counts + theta)
        - torch.lgamma(theta)
        + theta * (torch.log(theta) - log_sum)
        + counts * (torch.log(mean) - log_sum)
    )


def log_gamma_prior(value: Tensor, shape: Tensor | float, rate: Tensor | float):
    """Log density of Gamma(shape, rate) at ``value``, with its normaliser."""
    shape = torch.as_tensor(shape, dtype=value.dtype)
    rate = torch.as_tensor(rate, dtype=value.dtype)
    log_value = torch.log(value + TINY)
    return (
        shape * torch.log(rate)
        - torch.lgamma(shape)
        + (shape - 1) * log_value
        - rate * value
    )


def inverse_softplus(values: np.ndarray) -> Tensor:
    """What ``softplus`` maps to ``values`` (positive)."""
    tensor = torch.as_tensor(np.maximum(values, 1e-6), dtype=torch.float32)
    return tensor + torch.log(-torch.expm1(-tensor))


def dense(counts) -> np.ndarray:
    """Sparse counts as single precision."""
    return counts.toarray().astype(np.float32)
