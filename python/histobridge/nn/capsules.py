"""Dynamic convolution and capsules (THItoGene)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

PRIMARY = 8
"""Length of a primary capsule."""


class DynamicConvolution(nn.Module):
    """Several kernels mixed per patch by attention to the patch itself."""

    def __init__(self, before: int, after: int, kernel: int, *, kernels: int = 4):
        super().__init__()
        self.kernels = nn.Parameter(
            torch.randn(kernels, after, before, kernel, kernel)
            / (before * kernel**2) ** 0.5
        )
        self.attend = nn.Linear(before, kernels)
        self.stride = kernel

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, after, side / kernel, side / kernel)."""
        weight = torch.softmax(self.attend(x.mean(dim=(2, 3))), dim=1)
        # By linearity the mixed kernel is the mix of what each kernel gives.
        found = torch.stack([conv2d(x, k, stride=self.stride) for k in self.kernels], 1)
        return torch.einsum("nk,nkchw->nchw", weight, found)


def squash(x: Tensor) -> Tensor:
    """Vectors of the same direction and a length below one."""
    norm = x.norm(dim=-1, keepdim=True)
    return (1 - torch.exp(-norm)) * x / norm.clamp(min=1e-6)


class Capsules(nn.Module):
    """Primary capsules from maps, routed to class capsules by self-attention."""

    def __init__(
        self,
        pixels: int,
        width: int,
        *,
        channels: int = 16,
        kernel: int = 4,
        capsules: int = 20,
        length: int = 64,
    ):
        super().__init__()
        self.stem = nn.Sequential(
            DynamicConvolution(3, channels, kernel),
            nn.GroupNorm(1, channels),
            nn.ReLU(),
        )
        side = pixels // kernel
        self.prior = nn.Parameter(torch.zeros(channels, capsules))
        self.primary = nn.Conv2d(channels, channels * PRIMARY, side, groups=channels)
        self.lift = nn.Parameter(
            torch.randn(channels, capsules, PRIMARY, length) / PRIMARY**0.5
        )
        self.out = nn.Linear(capsules * length, width)

    def forward(self, patches: Tensor) -> Tensor:
        """Vectors (n, width)."""
        maps = self.stem(patches)
        primary = squash(self.primary(maps).view(len(maps), -1, PRIMARY))
        votes = torch.einsum("ncd,ckdl->nckl", primary, self.lift)
        alike = torch.einsum("nckl,nekl->nkce", votes, votes)
        weight = alike.sum(dim=3) / votes.shape[-1] ** 0.5
        coupling = torch.softmax(weight.transpose(1, 2), dim=2) + self.prior
        found = squash(torch.einsum("nck,nckl->nkl", coupling, votes))
        return self.out(found.flatten(1))
