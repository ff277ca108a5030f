"""Sparse products that know their gradient, and never form a dense matrix."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch


class Sparse:
    """A constant sparse matrix; ``Sparse @ x`` is differentiable in x.

    Attributes
    ----------
    rows, columns
        Ends of the stored entries, sorted by row.
    values
        Their weights, float32.
    shape
    """

    def __init__(self, matrix: sp.csr_matrix):
        matrix = sp.csr_matrix(matrix, dtype=np.float32)
        matrix.sum_duplicates()
        self.shape = matrix.shape
        counts = np.diff(matrix.indptr)
        self.rows = torch.from_numpy(np.repeat(np.arange(matrix.shape[0]), counts))
        self.columns = torch.from_numpy(matrix.indices.astype(np.int64))
        self.values = torch.from_numpy(matrix.data)
        self.starts = torch.from_numpy(matrix.indptr.astype(np.int64))
        # Where each entry of the transpose, sorted by its rows, stands here.
        order = np.lexsort((self.rows.numpy(), matrix.indices))
        self.order = torch.from_numpy(order)
        ends = np.bincount(matrix.indices, minlength=matrix.shape[1])
        self.back_starts = torch.from_numpy(np.concatenate([[0], np.cumsum(ends)]))

    def to(self, device: torch.device) -> Sparse:
        """Copy on ``device``."""
        moved = object.__new__(Sparse)
        for name, value in vars(self).items():
            kept = value.to(device) if isinstance(value, torch.Tensor) else value
            setattr(moved, name, kept)
        return moved

    def __matmul__(self, x: torch.Tensor) -> torch.Tensor:
        return _WeightedSum.apply(self.values, x, self)

    def weighted(self, values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Product with other ``values`` (entries,) in place, differentiable in both."""
        return _WeightedSum.apply(values, x, self)

    def softmax(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores (entries,) made to sum to one over every row."""
        n = self.shape[0]
        top = scores.new_full((n,), -torch.inf)
        top = top.scatter_reduce(0, self.rows, scores.detach(), "amax")
        weight = torch.exp(scores - top[self.rows])
        total = scores.new_zeros(n).index_add(0, self.rows, weight)
        return weight / total[self.rows]

    def transposed(self, values: torch.Tensor) -> torch.Tensor:
        """The transpose with ``values`` as a torch CSR tensor."""
        shape = (self.shape[1], self.shape[0])
        return _csr(self.back_starts, self.rows[self.order], values[self.order], shape)

    def plain(self, values: torch.Tensor) -> torch.Tensor:
        """The matrix with ``values`` as a torch CSR tensor."""
        return _csr(self.starts, self.columns, values, self.shape)


def _csr(
    starts: torch.Tensor,
    columns: torch.Tensor,
    values: torch.Tensor,
    shape: tuple[int, int],
) -> torch.Tensor:
    with warnings.catch_warnings():
        # Torch announces on first use that its CSR tensors may still change.
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(starts, columns, values, shape)


class _WeightedSum(torch.autograd.Function):
    """``matrix(values) @ x``; torch's own gradient in values is dense, this is not."""

    @staticmethod
    def forward(ctx, values, x, matrix):
        ctx.save_for_backward(values, x)
        ctx.matrix = matrix
        return matrix.plain(values.detach()) @ x.detach()

    @staticmethod
    def backward(ctx, gradient):
        values, x = ctx.saved_tensors
        matrix = ctx.matrix
        gradient = gradient.contiguous()
        of_values = of_x = None
        if ctx.needs_input_grad[0]:
            ends = gradient[matrix.rows] * x[matrix.columns]
            of_values = ends.sum(dim=1)
        if ctx.needs_input_grad[1]:
            of_x = matrix.transposed(values) @ gradient
        return of_values, of_x, None


@dataclass
class Batch:
    """All spots, or those of one tile, in one epoch.

    Attributes
    ----------
    inputs
        Tensors and :class:`Sparse` by name; None where absent.
    epoch, tile
        From 0.
    """

    inputs: dict[str, Any]
    epoch: int
    tile: int = 0

    def to(self, device: torch.device) -> Batch:
        """Copy on ``device``."""
        moved = {
            name: None if value is None else value.to(device)
            for name, value in self.inputs.items()
        }
        return Batch(moved, self.epoch, self.tile)

    def __getitem__(self, name: str) -> Any:
        return self.inputs[name]


def tensors(arrays: dict[str, Any]) -> dict[str, Any]:
    """Float32 tensors of arrays, :class:`Sparse` of sparse matrices."""
    return {name: _tensor(value) for name, value in arrays.items()}


def _tensor(value: Any) -> Any:
    if value is None:
        return None
    if sp.issparse(value):
        return Sparse(value)
    value = np.ascontiguousarray(value)
    kind = np.int64 if value.dtype.kind in "iu" else np.float32
    return torch.from_numpy(value.astype(kind))
