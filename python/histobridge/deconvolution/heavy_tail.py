"""RCTD's likelihood: Poisson counts whose log rate has heavy-tailed noise.

``y ~ Poisson(rate * exp(e))`` with ``e / sigma`` of density ``C phi(x)`` for
``|x| < 3`` and ``C a / (|x| - 7/3)^2`` beyond (Cable et al. 2022). The integral is
tabulated over counts and rates and interpolated by natural cubic splines, as in
spacexr, whose grid this is; the table is made here, for the sigmas that are used.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

LARGEST_COUNT = 100
BLOCK = 1 << 15
_TAIL = 4 / 9 * np.exp(-4.5) / np.sqrt(2 * np.pi)


def rate_grid() -> np.ndarray:
    """Rates (n,) at which the likelihood is tabulated, from 1e-4 to 1600."""
    root = np.arange(10, 40_001)
    _, first = np.unique(_slot(root), return_index=True)
    return np.append((root[first] / 1000.0) ** 2, 1600.0)


def _slot(root: np.ndarray) -> np.ndarray:
    """Position in the grid of a rate with this integer part of 1000 * sqrt(rate)."""
    beyond = np.ceil(np.sqrt(np.maximum(root - 48.7499, 0.0) * 4)) - 2
    return (np.minimum(root - 9, 40) + np.maximum(beyond, 0)).astype(int)


class HeavyTail:
    """Log-likelihood of counts given a rate, with two derivatives in the rate.

    Parameters
    ----------
    sigma
        Scale of the noise of the log rate.
    largest
        Counts above are treated as this many.
    """

    def __init__(self, sigma: float, largest: int = LARGEST_COUNT):
        self.sigma = sigma
        self.largest = largest
        self.grid = rate_grid()
        values = log_likelihood_table(self.grid, sigma, largest + 1)
        self.pieces = _pieces(self.grid, values, _natural_spline(self.grid, values))

    def __call__(
        self, counts: np.ndarray, rates: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Value and derivatives, each of the shape of ``counts``.

        Rates outside the grid take the value at its end.
        """
        value, first, second = (np.empty(counts.shape) for _ in range(3))
        flat = [array.reshape(-1) for array in (value, first, second)]
        y, x = counts.reshape(-1), rates.reshape(-1)
        # Blocks that stay in the cache are several times faster than whole arrays.
        for start in range(0, y.size, BLOCK):
            part = slice(start, start + BLOCK)
            for out, found in zip(flat, self._block(y[part], x[part]), strict=True):
                out[part] = found
        return value, first, second

    def _block(
        self, counts: np.ndarray, rates: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rates = np.clip(rates, self.grid[0], self.grid[-1] * (1 - 1e-9))
        left = _slot(np.floor(np.sqrt(rates) * 1000 + 1e-9)) - 1
        code = np.minimum(counts, self.largest).astype(np.intp) * (len(self.grid) - 1)
        c = self.pieces[code + left]
        b = rates - self.grid[left]
        value = c[:, 0] + b * (c[:, 1] + b * (c[:, 2] + b * c[:, 3]))
        first = c[:, 1] + b * (2 * c[:, 2] + 3 * b * c[:, 3])
        return value, first, 2 * c[:, 2] + 6 * b * c[:, 3]


@lru_cache(maxsize=64)
def heavy_tail(sigma: float, largest: int = LARGEST_COUNT) -> HeavyTail:
    """The likelihood of one sigma, made once."""
    return HeavyTail(sigma, largest)


def log_likelihood_table(grid: np.ndarray, sigma: float, largest: int) -> np.ndarray:
    """Log-likelihood (largest + 1, n_rates) of counts 0 to ``largest``."""
    node, weight = _nodes()
    rate = np.exp(np.minimum(np.log(grid)[:, None] + sigma * node, 50.0))
    # Poisson probabilities of a count follow from those of the one before.
    density = np.exp(-rate)
    out = np.empty((largest + 1, len(grid)))
    for count in range(largest + 1):
        out[count] = np.log(np.maximum(density @ weight, 1e-300))
        density *= rate / (count + 1)
    return out


def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Quadrature of the noise density, panel by panel between its kinks."""
    nodes, weights = [], []
    for low, high, n in ((-20, -3, 80), (-3, 3, 120), (3, 20, 160)):
        x, w = np.polynomial.legendre.leggauss(n)
        nodes.append((high - low) / 2 * x + (high + low) / 2)
        weights.append((high - low) / 2 * w)
    x = np.concatenate(nodes)
    normal = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    tail = _TAIL / np.maximum(np.abs(x) - 7 / 3, 1e-9) ** 2
    density = np.where(np.abs(x) < 3, normal, tail) * np.concatenate(weights)
    return x, density / density.sum()


def _pieces(grid: np.ndarray, values: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Coefficients (rows * (n - 1), 4) of the cubic in every interval."""
    h = np.diff(grid)
    low, high = curves[:, :-1], curves[:, 1:]
    slope = np.diff(values, axis=1) / h - h * (2 * low + high) / 6
    pieces = np.stack([values[:, :-1], slope, low / 2, (high - low) / (6 * h)], axis=-1)
    return pieces.reshape(-1, 4)


def _natural_spline(grid: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Second derivatives (rows, n) of the natural cubic spline of every row."""
    from scipy.linalg import solve_banded

    h = np.diff(grid)
    slope = np.diff(values, axis=1) / h
    band = np.zeros((3, len(grid) - 2))
    band[0, 1:] = h[1:-1]
    band[1] = 2 * (h[:-1] + h[1:])
    band[2, :-1] = h[1:-1]
    inner = solve_banded((1, 1), band, 6 * np.diff(slope, axis=1).T).T
    return np.pad(inner, ((0, 0), (1, 1)))
