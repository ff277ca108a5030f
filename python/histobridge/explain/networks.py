"""The probe of a network that reads pixels."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from histobridge.explain.probe import Probe
from histobridge.explain.target import Target
from histobridge.nn.batch import Batch, present
from histobridge.nn.encoders import PatchTransformer, Pixels

if TYPE_CHECKING:
    from anndata import AnnData

    from histobridge.nn.network import Network
    from histobridge.translation.neural import NeuralTranslator

ALONE, TOGETHER = 64, 2048
"""Spots per pass where spots do not see each other, and where they do."""


class NetworkProbe(Probe):
    """A trained network as a function of the patch of one spot.

    Where spots see each other, a pass holds copies of a section in each of which
    one spot has another patch.

    Parameters
    ----------
    spots
        Positions in ``adata`` of the spots that are explained.
    """

    def __init__(
        self, model: NeuralTranslator, adata: AnnData, spots: np.ndarray, target: Target
    ):
        rows, self.table = model._table(adata, spots)
        self.network = model.network_.eval()
        self.target = target
        self.patches = self._patches(np.searchsorted(rows, spots))
        self.microns = present(model.inputs.patch).microns
        self._weights = torch.from_numpy(target.weights * model.scaling.unit_).float()
        self._shift = float(target.weights @ model.scaling.shift_)
        self._together = model.stages[-1].sampler == "sections"
        self._vectors: dict[int, Tensor] = {}
        for part in self.parts(np.arange(len(spots))):
            # Also keeps what is encoded only once out of the sight of hooks.
            self.score(part[:1], self.patches[part[:1]])
        self.layer = last_maps(self)
        self.offers = frozenset(self._offers())

    def _patches(self, place: np.ndarray) -> np.ndarray:
        self._place = torch.from_numpy(place)
        return present(self.table.pixels)[self._place].numpy()

    def _offers(self) -> Iterator[str]:
        yield "image"
        pixels = torch.from_numpy(self.patches[:2]).float().requires_grad_()
        values = self.values(np.arange(len(pixels)), pixels)
        if values.requires_grad:
            (slope,) = torch.autograd.grad(values.sum(), pixels, allow_unused=True)
            if slope is not None and bool(slope.abs().max() > 0):
                yield "gradients"
        if importlib.util.find_spec("captum") is not None:
            yield "captum"
        if self.layer is not None:
            yield "convolutions"
        if self.transformers():
            yield "attention"

    def transformers(self) -> list[PatchTransformer]:
        """Transformers whose tokens are parts of one patch."""
        return [m for m in self.network.modules() if isinstance(m, PatchTransformer)]

    def score(self, rows: np.ndarray, pixels: np.ndarray) -> np.ndarray:
        """See :meth:`Probe.score`."""
        out = np.empty(len(rows))
        with torch.no_grad():
            for part in self.parts(rows):
                given = torch.from_numpy(np.ascontiguousarray(pixels[part]))
                out[part] = self.values(rows[part], given).numpy()
        return out

    def parts(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Positions in ``rows`` that one pass takes: of one section, not too many."""
        section = self.table.section[self._place[rows]].numpy()
        for code in np.unique(section):
            at = np.flatnonzero(section == code)
            size = ALONE
            if self._together:
                held = int((self.table.section == int(code)).sum())
                size = max(1, TOGETHER // held)
            yield from np.split(at, range(size, len(at), size))

    def values(
        self, rows: np.ndarray, pixels: Tensor, unturned: bool = False
    ) -> Tensor:
        """Target (m,) of spots of one section; floats keep their gradient.

        Parameters
        ----------
        pixels
            (m, side, side, 3), uint8, or float from 0 to 255 that asks for a
            gradient.
        unturned
            Leave out the other seven symmetries of networks that average over them.
        """
        with _turning(self.network, not unturned):
            if not self._together:
                part = self.table.take(self._place[rows]).but(pixels=pixels)
                out = self.network.predict(part)
            else:
                out = self._among_others(self._place[rows], pixels)
        return out @ self._weights + self._shift

    def _among_others(self, place: Tensor, pixels: Tensor) -> Tensor:
        """Prediction (m, genes) of spots in a copy of their section each."""
        held, at = self._in_copies(place)
        part = _copies(self.table.take(held), len(place))
        if type(self.network.encoder) is Pixels and not self.network.turns:
            # An encoder of single patches has nothing new to say of the others.
            known = self._encoded(held).repeat(len(place), 1)
            own = self.network.encoder(part.but(pixels=pixels))
            with _encoding(self.network, known.index_put((at,), own)):
                return self.network.predict(part)[at]
        whole = present(part.pixels).to(pixels.dtype).index_put((at,), pixels)
        return self.network.predict(part.but(pixels=whole))[at]

    def own(self, seen: Tensor, rows: np.ndarray) -> Tensor:
        """Rows of what a layer gave that belong to the spots themselves."""
        if len(seen) == len(rows):
            return seen
        return seen[self._in_copies(self._place[rows])[1]]

    def _in_copies(self, place: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of the section of spots, and where these are in copies of it."""
        held = (self.table.section == self.table.section[place[0]]).nonzero().squeeze(1)
        at = torch.searchsorted(held, place) + torch.arange(len(place)) * len(held)
        return held, at

    def _encoded(self, held: Tensor) -> Tensor:
        """Vectors of the patches of one section, computed once."""
        code = int(self.table.section[held[0]])
        if code not in self._vectors:
            with torch.no_grad():
                parts = [
                    self.network.encoder(self.table.take(rows))
                    for rows in held.split(TOGETHER)
                ]
            self._vectors[code] = torch.cat(parts)
        return self._vectors[code]


def _copies(part: Batch, count: int) -> Batch:
    """So many copies of one section, each a section of its own."""
    size = len(part)
    edges = {
        name: torch.cat([pairs + i * size for i in range(count)], dim=1)
        for name, pairs in part.edges.items()
    }
    out = part.but(edges={})._each(lambda v: torch.cat([v] * count))
    section = torch.arange(count).repeat_interleave(size)
    return out.but(section=section, edges=edges)


@contextmanager
def _encoding(network: Network, vectors: Tensor) -> Iterator[None]:
    """``vectors`` for whatever the encoder would say."""
    before = network.encoder
    network.encoder = _Known(vectors)
    try:
        yield
    finally:
        network.encoder = before


class _Known(nn.Module):
    def __init__(self, vectors: Tensor):
        super().__init__()
        self.vectors = vectors

    def forward(self, batch: Batch) -> Tensor:
        return self.vectors


@contextmanager
def _turning(network: Network, turning: bool) -> Iterator[None]:
    before = network.turns
    network.turns = before and turning
    try:
        yield
    finally:
        network.turns = before


def last_maps(probe: NetworkProbe) -> nn.Module | None:
    """Last module of the pixel encoder that gives maps of more than one pixel."""
    found: list[nn.Module] = []

    def look(module: nn.Module, given: tuple, out: object) -> None:
        if isinstance(out, Tensor) and out.dim() == 4 and min(out.shape[2:]) > 1:
            found.append(module)

    encoders = [m for m in probe.network.modules() if isinstance(m, Pixels)]
    inner = [
        m for e in encoders for m in e.network.modules() if not isinstance(m, Pixels)
    ]
    hooks = [m.register_forward_hook(look) for m in inner]
    try:
        with torch.no_grad():
            probe.values(np.arange(1), torch.from_numpy(probe.patches[:1]))
    finally:
        for hook in hooks:
            hook.remove()
    return found[-1] if found else None
