"""Structural similarity of two maps of one gene."""

from __future__ import annotations

import numpy as np

from histobridge import graphs

C1, C2 = 0.01**2, 0.03**2


def _similarity(
    mean_x: np.ndarray,
    mean_y: np.ndarray,
    var_x: np.ndarray,
    var_y: np.ndarray,
    covariance: np.ndarray,
) -> np.ndarray:
    # Luminance, contrast and structure; C3 = C2 / 2 joins the last two.
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return luminance * (2 * covariance + C2) / (var_x + var_y + C2)


def _scaled(x: np.ndarray, axis: int | None) -> np.ndarray:
    top = x.max(axis=axis, keepdims=True)
    return x / np.where(top > 0, top, 1.0)


def ssim_global(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """SSIM of matching columns (n, genes) from moments over all spots, (genes,).

    Each gene is divided by its maximum; K1 = .01, K2 = .03 (Li et al. 2022, Nat
    Methods 19:662). It does not know where spots lie.
    """
    x, y = _scaled(x, 0), _scaled(y, 0)
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    covariance = ((x - mean_x) * (y - mean_y)).mean(axis=0)
    return _similarity(mean_x, mean_y, x.var(axis=0), y.var(axis=0), covariance)


def rasterise(points: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Image (rows, columns) of one gene at one pixel per pitch, and where it is.

    Spots of one pixel are averaged.
    """
    cell = np.round((points - points.min(axis=0)) / graphs.pitch(points)).astype(int)
    width, height = cell.max(axis=0) + 1
    flat = cell[:, 1] * width + cell[:, 0]
    count = np.bincount(flat, minlength=width * height)
    total = np.bincount(flat, values, minlength=width * height)
    image = total / np.maximum(count, 1)
    return image.reshape(height, width), (count > 0).reshape(height, width)


def ssim_windowed(
    x: np.ndarray, y: np.ndarray, mask: np.ndarray | None = None, window: int = 7
) -> float:
    """Mean SSIM over ``window`` x ``window`` squares of two images, each max-scaled.

    Wang et al. 2004, IEEE TIP 13:600, uniform weights. Pixels outside ``mask`` do
    not count; windows are centred on pixels inside it, away from the border.
    """
    from scipy.ndimage import uniform_filter

    mask = np.ones(x.shape, bool) if mask is None else mask
    weight = mask.astype(float)
    x, y = _scaled(x * weight, None), _scaled(y * weight, None)
    present = uniform_filter(weight, window)
    present = np.where(present > 1e-9, present, 1.0)

    def local(values: np.ndarray) -> np.ndarray:
        return uniform_filter(values * weight, window) / present

    mean_x, mean_y = local(x), local(y)
    var_x, var_y = local(x**2) - mean_x**2, local(y**2) - mean_y**2
    covariance = local(x * y) - mean_x * mean_y
    found = _similarity(mean_x, mean_y, var_x, var_y, covariance)
    edge = min((window - 1) // 2, (min(x.shape) - 1) // 2)
    inside = np.zeros(x.shape, dtype=bool)
    inside[edge : x.shape[0] - edge, edge : x.shape[1] - edge] = True
    return float(found[inside & mask].mean())
