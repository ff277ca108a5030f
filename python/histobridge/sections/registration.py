"""Images of two sections registered: rigid, affine, then diffeomorphic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from histobridge.images.colour import separate_stains
from histobridge.images.slides import Slide
from histobridge.nn.recipe import Recipe
from histobridge.nn.seeding import seeded
from histobridge.nn.training import Model, train
from histobridge.sections.rigid import Rigid, turn
from histobridge.sections.warp import Step

_SIDE = 128
_TURNS = 12
_CELLS = 16
_SQUARINGS = 6


class Affine(nn.Module):
    """Matrix and shift, both in units of half the frame."""

    def __init__(self, degrees: float):
        super().__init__()
        self.matrix = nn.Parameter(torch.from_numpy(turn(degrees)).float())
        self.shift = nn.Parameter(torch.zeros(2))

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """Where points (..., 2) of the fixed image lie in the moving one."""
        return points @ self.matrix.T + self.shift


class Flow(nn.Module):
    """Diffeomorphism: a stationary velocity, integrated by repeated squaring.

    Arsigny et al. 2006, MICCAI; the inverse is the flow of minus the velocity.
    """

    def __init__(self):
        super().__init__()
        self.velocity = nn.Parameter(torch.zeros(1, 2, _CELLS, _CELLS))

    def displacement(self, sign: float = 1.0) -> torch.Tensor:
        """Displacement field (1, 2, side, side)."""
        field = F.interpolate(
            sign * self.velocity, (_SIDE, _SIDE), mode="bicubic", align_corners=False
        )
        field = field / 2**_SQUARINGS
        for _ in range(_SQUARINGS):
            at = identity() + field.permute(0, 2, 3, 1)
            field = field + sample(field, at)
        return field

    def move(self, points: torch.Tensor, sign: float = 1.0) -> torch.Tensor:
        """Moved points (n, 2)."""
        found = sample(self.displacement(sign), points.view(1, 1, -1, 2))
        return points + found[0, :, 0].T

    def roughness(self) -> torch.Tensor:
        """Mean squared gradient of the velocity."""
        across = torch.diff(self.velocity, dim=3)
        down = torch.diff(self.velocity, dim=2)
        return (across**2).mean() + (down**2).mean()


def identity() -> torch.Tensor:
    """Positions (1, side, side, 2) of the pixels, from -1 to 1, as (x, y)."""
    line = (2 * torch.arange(_SIDE) + 1) / _SIDE - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y], dim=-1)[None]


def sample(image: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Values (1, c, h, w) of an image (1, c, ., .) at positions (1, h, w, 2)."""
    return F.grid_sample(image, at, padding_mode="border", align_corners=False)


def register_images(moving: Slide, fixed: Slide, warp: bool, seed: int) -> Step:
    """Motion, in microns, of the moving section onto the fixed one.

    Stain density is matched on a frame of 128 pixels by squared error: twelve turns
    are tried, the best is refined to an affine map, and with ``warp`` a
    diffeomorphism follows. Both images are standardised, so that a difference of
    stain strength does not matter.
    """
    size = max(extent(moving), extent(fixed))
    source, target = _density(moving, size), _density(fixed, size)
    affine = min(
        (_fitted_affine(a, source, target, 25, seed) for a in _angles()),
        key=lambda model: _mismatch(sample(source, model(identity())), target).item(),
    )
    _train(affine, source, target, 200, 0.01, seed)
    flow = _fitted_flow(affine, source, target, seed) if warp else None
    return _step(affine, flow, moving, fixed, size)


def _step(
    affine: Affine, flow: Flow | None, moving: Slide, fixed: Slide, size: float
) -> Step:
    """Motion in microns: the rotation in the affine map, then what it leaves."""
    inverse = np.linalg.inv(affine.matrix.detach().numpy().astype(float))
    shift = affine.shift.detach().numpy().astype(float)
    start, end = _middle(moving), _middle(fixed)
    left, _, right = np.linalg.svd(inverse)
    rotation = left @ right
    offset = end - inverse @ shift * size / 2 - rotation @ start

    def bend(points: np.ndarray) -> np.ndarray:
        turned_back = (points - offset) @ rotation
        unit = ((turned_back - start) / (size / 2) - shift) @ inverse.T
        if flow is not None:
            with torch.inference_mode():
                unit = flow.move(torch.from_numpy(unit).float(), -1.0).double().numpy()
        return unit * (size / 2) + end

    return Step(Rigid(rotation, offset), bend)


def _middle(slide: Slide) -> np.ndarray:
    return np.array([slide.width, slide.height]) * slide.microns_per_pixel / 2


def extent(slide: Slide) -> float:
    """Longer side of the image in microns."""
    return max(slide.width, slide.height) * slide.microns_per_pixel


def _angles() -> np.ndarray:
    return np.arange(_TURNS) * 360 / _TURNS


def _density(slide: Slide, size: float) -> torch.Tensor:
    """Standardised stain density (1, 1, side, side) on a frame of ``size`` microns."""
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    side = round(size / slide.microns_per_pixel)
    left, top = (slide.width - side) // 2, (slide.height - side) // 2
    picture = Image.fromarray(slide.read(left, top, side, side))
    small = np.asarray(picture.resize((_SIDE, _SIDE), Image.Resampling.BOX))
    frame = separate_stains(small)[..., :2].sum(axis=-1)
    frame = gaussian_filter(frame, 1.0)
    frame = (frame - frame.mean()) / max(float(frame.std()), 1e-6)
    return torch.from_numpy(frame)[None, None]


def _mismatch(moved: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.mse_loss(moved, target)


def _train(
    model: Model,
    source: torch.Tensor,
    target: torch.Tensor,
    epochs: int,
    rate: float,
    seed: int,
    loss: Callable[[Model], torch.Tensor] | None = None,
) -> None:
    def mismatch(network: Model, _: torch.Tensor) -> torch.Tensor:
        if loss is not None:
            return loss(network)
        return _mismatch(sample(source, network(identity())), target)

    nothing = [torch.zeros(())]
    train(
        model,
        lambda epoch, generator: nothing,
        mismatch,
        Recipe(epochs, rate, schedule="cosine"),
        seed=seed,
        device="cpu",
    )


def _fitted_affine(
    degrees: float, source: torch.Tensor, target: torch.Tensor, epochs: int, seed: int
) -> Affine:
    with seeded(seed):
        model = Affine(degrees)
    _train(model, source, target, epochs, 0.02, seed)
    return model


def _fitted_flow(
    affine: Affine, source: torch.Tensor, target: torch.Tensor, seed: int
) -> Flow:
    flow = Flow()
    start = sample(source, affine(identity())).detach()

    def loss(network: Flow) -> torch.Tensor:
        at = identity() + network.displacement().permute(0, 2, 3, 1)
        return _mismatch(sample(start, at), target) + 20 * network.roughness()

    _train(flow, source, target, 200, 0.01, seed, loss)
    return flow
