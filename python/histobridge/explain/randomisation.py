"""The same model with what it learnt destroyed: its maps must go too.

Adebayo et al. 2018, NeurIPS (sanity checks for saliency maps).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from histobridge.translation.composite import Composite
from histobridge.translation.forest import Forest
from histobridge.translation.neural import NeuralTranslator

if TYPE_CHECKING:
    from histobridge.translation.base import Translator


def randomised(model: Translator, seed: int) -> Translator | None:
    """Copy with every weight in the place of another; None where there are none.

    Weights keep their law, so the copy is as wild as the model: weights drawn anew
    would start a head at zero.
    """
    rng = np.random.default_rng(seed)
    other: Any = copy.copy(model)
    if isinstance(model, Composite):
        members = [randomised(m, seed + i) for i, m in enumerate(model.members)]
        if any(m is None for m in members):
            return None
        other.members = tuple(members)
        return other
    if isinstance(model, NeuralTranslator):
        other.network_ = _shuffled(model.network_, rng)
        return other
    if isinstance(model, Forest):
        values = model.forest_["value"]
        other.forest_ = model.forest_ | {"value": rng.permutation(values)}
        return other
    if hasattr(model, "coefficients_"):
        other.coefficients_ = rng.permutation(model.coefficients_)
        return other
    return None


def _shuffled(network, rng: np.random.Generator):
    import torch

    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in other.parameters():
            flat = parameter.view(-1)
            flat.copy_(flat[torch.from_numpy(rng.permutation(len(flat)))])
    return other


def agreement(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Rank correlation (n,) of two maps of every patch; 0 where one is constant."""
    a, b = (rankdata(m.reshape(len(m), -1), axis=1) for m in (maps, others))
    a, b = (v - v.mean(axis=1, keepdims=True) for v in (a, b))
    size = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return (a * b).sum(axis=1) / np.where(size > 0, size, 1.0)
