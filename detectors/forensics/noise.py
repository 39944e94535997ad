"""Noise residual: places whose fine noise is not that of the rest of the picture.

Mahdian and Saic, *Using noise inconsistencies for blind image forensics*, Image and Vision Computing 27(10), 2009: the diagonal wavelet detail of blocks, its
standard deviation by the median (Donoho 1995, median / 0.6745). What brightness and detail explain is taken out block by block.
"""

from __future__ import annotations

import cv2
import numpy as np

from detectors.forensics.blocks import block_means, drawn_map, explained, neighbourhood, robust_z
from detectors.forensics.exhibit import Exhibit, Measurement, cannot

SIZE, WINDOW = 16, 3
LEAST = 0.3  # levels: below that, rounding to whole levels is all there is


def examine(exhibit: Exhibit) -> Measurement:
    """How far the noise of 3 x 3 blocks of 16 pixels stands out on either side, in robust standard deviations; `plain` is the largest noise over the median."""
    if exhibit.small:
        return cannot("forensics-too-small")
    sigma = block_noise(exhibit.luma)
    if float(np.median(sigma)) == 0 and float((sigma > 0).mean()) < 0.1:
        return cannot("forensics-noise-none")
    detail = block_means(np.abs(cv2.blur(exhibit.luma, (3, 3)) - cv2.blur(exhibit.luma, (7, 7))), SIZE)[: sigma.shape[0], : sigma.shape[1]]
    light = block_means(exhibit.luma, SIZE)[: sigma.shape[0], : sigma.shape[1]]
    rest = explained(explained(np.log(sigma + LEAST), detail), light, 6)
    found = np.abs(robust_z(neighbourhood(rest, WINDOW), 0.05))
    drawing = drawn_map(np.log(sigma + LEAST), exhibit.luma.shape, np.log(LEAST), float(np.log(max(2.0, np.quantile(sigma, 0.99)) + LEAST)))
    return Measurement(float(found.max()), drawing=drawing, plain=float(sigma.max() / max(LEAST, float(np.median(sigma)))))


def block_noise(luma: np.ndarray) -> np.ndarray:
    """The noise of each block of 16 x 16 pixels, in levels."""
    high, wide = luma.shape[0] // SIZE * SIZE, luma.shape[1] // SIZE * SIZE
    part = luma[:high, :wide]
    diagonal = np.abs(part[::2, ::2] - part[1::2, ::2] - part[::2, 1::2] + part[1::2, 1::2]) / 2
    half = SIZE // 2
    blocks = diagonal.reshape(high // SIZE, half, wide // SIZE, half).transpose(0, 2, 1, 3).reshape(high // SIZE, wide // SIZE, -1)
    return np.median(blocks, axis=2) / 0.6745
