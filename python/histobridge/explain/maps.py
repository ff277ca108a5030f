"""What a network shows while it predicts: feature maps and attention."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from histobridge.explain.networks import NetworkProbe
    from histobridge.nn.transformer import Attention


@contextmanager
def watched(probe: NetworkProbe) -> Iterator[list[Tensor]]:
    """List of the outputs of the layer of maps, filled inside the block."""
    seen: list[Tensor] = []
    assert probe.layer is not None
    hook = probe.layer.register_forward_hook(lambda m, given, out: seen.append(out))
    try:
        yield seen
    finally:
        hook.remove()


@contextmanager
def attended(probe: NetworkProbe) -> Iterator[list[Tensor]]:
    """List of the attention (b, heads, t, t) within patches, filled inside."""
    seen: list[Tensor] = []
    layers = [layer for t in probe.transformers() for layer in t.layers]
    blocks = [cast("Attention", layer.attention) for layer in layers]
    for block in blocks:
        block.watch = seen.append
    try:
        yield seen
    finally:
        for block in blocks:
            block.watch = None


def enlarged(maps: np.ndarray, side: int) -> np.ndarray:
    """Maps (n, s, s) stretched to (n, side, side) by linear interpolation."""
    import torch
    from torch.nn.functional import interpolate

    given = torch.from_numpy(np.asarray(maps, dtype=np.float64))[:, None]
    size = (side, side)
    return interpolate(given, size, mode="bilinear", align_corners=False)[:, 0].numpy()


def tokens_to_pixels(values: np.ndarray, probe: NetworkProbe) -> np.ndarray:
    """Values (n, tokens) of square sub-patches as maps (n, side, side).

    Pixels beyond the last whole sub-patch, which the network never sees, are 0.
    """
    step = probe.transformers()[0].stem.stride[0]
    across = round(np.sqrt(values.shape[1]))
    grid = values.reshape(-1, across, across)
    side = probe.patches.shape[1]
    out = np.zeros((len(values), side, side))
    whole = grid.repeat(step, axis=1).repeat(step, axis=2)
    out[:, : across * step, : across * step] = whole
    return out
