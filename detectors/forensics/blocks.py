"""What several techniques do with blocks: their DCT, the mean of a neighbourhood, how far a place stands out from the rest, and maps as pictures."""

from __future__ import annotations

import cv2
import numpy as np

LONG_SIDE = 1200  # pixels of a drawn map
_k = np.arange(8)
DCT = np.sqrt(np.where(_k[:, None] == 0, 1, 2) / 8) * np.cos((2 * _k[None, :] + 1) * _k[:, None] * np.pi / 16)  # rows: frequencies


def coefficients(luma: np.ndarray) -> np.ndarray:
    """The DCT of each whole block of 8 x 8, level-shifted as JPEG does: (rows, columns, 64), row-major frequencies, float32."""
    rows, columns = luma.shape[0] // 8, luma.shape[1] // 8
    cut = (luma[: 8 * rows, : 8 * columns] - 128).reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)
    basis = DCT.astype(np.float32)
    return (basis @ cut @ basis.T).reshape(rows, columns, 64)


def block_means(values: np.ndarray, size: int) -> np.ndarray:
    """The mean of each whole block of size x size pixels, float32."""
    rows, columns = values.shape[0] // size, values.shape[1] // size
    return values[: rows * size, : columns * size].reshape(rows, size, columns, size).mean((1, 3), dtype=np.float32)


def neighbourhood(values: np.ndarray, side: int) -> np.ndarray:
    """The mean over side x side entries around each, fewer at the edges."""
    kernel = (side, side)
    total = cv2.boxFilter(values.astype(np.float32), -1, kernel, normalize=False, borderType=cv2.BORDER_CONSTANT)
    count = cv2.boxFilter(np.ones(values.shape, np.float32), -1, kernel, normalize=False, borderType=cv2.BORDER_CONSTANT)
    return total / count


def robust_z(values: np.ndarray, least: float) -> np.ndarray:
    """How many robust standard deviations (1.4826 MAD, at least `least`) each entry lies from the median."""
    middle = np.median(values)
    return (values - middle) / max(least, 1.4826 * float(np.median(np.abs(values - middle))))


def explained(values: np.ndarray, by: np.ndarray, bins: int = 12) -> np.ndarray:
    """The values less the median of those entries whose `by` is alike: what texture or brightness explains is taken out."""
    edges = np.quantile(by, np.linspace(0, 1, bins + 1)[1:-1])
    which = np.searchsorted(edges, by)
    rest = values.astype(np.float32).copy()
    for each in range(bins):
        if (chosen := which == each).any():
            rest[chosen] -= np.median(values[chosen])
    return rest


def drawn_map(values: np.ndarray, shape: tuple[int, int], low: float, high: float, palette: int = cv2.COLORMAP_CIVIDIS) -> np.ndarray:
    """A map of block values as a picture of the exhibit's shape, reduced to LONG_SIDE: dark = low, light = high, readable in grey print."""
    scaled = np.clip((values - low) / max(1e-9, high - low) * 255, 0, 255).astype(np.uint8)
    scale = min(1.0, LONG_SIDE / max(shape))
    size = max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))
    return cv2.resize(cv2.applyColorMap(scaled, palette), size, interpolation=cv2.INTER_NEAREST)
