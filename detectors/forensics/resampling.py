"""Resampling: an enlarged or turned picture has places that their neighbours predict too well, in a regular pattern.

Popescu and Farid, *Exposing Digital Forgeries by Detecting Traces of Resampling*, IEEE TSP 53(2), 2005, in the fast form of Kirchner, *Fast and reliable
resampling detection by spectral analysis of fixed linear predictor residue*, ACM MM&Sec 2008: a fixed predictor, p = exp(-|residue|^2), and peaks of the
p-map's spectrum. Multiples of 1/8 (the blocks of JPEG) are left out.
"""

from __future__ import annotations

import cv2
import numpy as np

from detectors.forensics.blocks import drawn_map
from detectors.forensics.exhibit import Exhibit, Measurement, cannot

PREDICTOR = np.array([[-0.25, 0.5, -0.25], [0.5, 0, 0.5], [-0.25, 0.5, -0.25]], np.float32)  # Kirchner 2008, equation 19
SIDE = 1024  # pixels of the middle that are transformed
LOW, GRID = 0.06, 0.012  # cycles a pixel that are left out: around zero, and around multiples of 1/8


def spectrum(luma: np.ndarray) -> np.ndarray:
    """The p-map's magnitude over its local median, zero frequency in the middle; what is left out is zero."""
    high, wide = (min(side, SIDE) for side in luma.shape)
    top, left = (luma.shape[0] - high) // 2, (luma.shape[1] - wide) // 2
    part = luma[top : top + high, left : left + wide]
    chance = np.exp(-((part - cv2.filter2D(part, -1, PREDICTOR, borderType=cv2.BORDER_REFLECT)) ** 2))
    window = np.outer(np.hanning(high), np.hanning(wide)).astype(np.float32)
    magnitude = np.abs(np.fft.fftshift(np.fft.fft2((chance - chance.mean()) * window))).astype(np.float32)
    size = 2 * max(5, min(high, wide) // 32) + 1
    level = cv2.blur(magnitude, (size, size)) + 1e-6
    peaks = magnitude / level
    down, across = (np.abs(np.fft.fftshift(np.fft.fftfreq(side))) for side in (high, wide))
    on_grid = [np.abs(each * 8 - np.rint(each * 8)) / 8 < GRID for each in (down, across)]
    peaks[np.logical_and.outer(on_grid[0], on_grid[1])] = 0
    peaks[np.hypot(down[:, None], across[None, :]) < LOW] = 0
    return peaks


def examine(exhibit: Exhibit) -> Measurement:
    """The highest peak of the spectrum over its surroundings; `plain` is the same without a predictor: of the second derivative along the rows."""
    if exhibit.small:
        return cannot("forensics-too-small")
    peaks = spectrum(exhibit.luma)
    if not peaks.any():
        return cannot("forensics-flat")
    return Measurement(float(peaks.max()), drawing=drawn_map(peaks, peaks.shape, 0, 12.0), plain=second_derivative(exhibit.luma), upright=True)


def second_derivative(luma: np.ndarray) -> float:
    """Gallagher, *Detection of linear and cubic interpolation in JPEG compressed images*, CRV 2005: peak of the mean second derivative's spectrum."""
    mean = np.abs(2 * luma[:, 1:-1] - luma[:, :-2] - luma[:, 2:]).mean(0)
    found = np.abs(np.fft.rfft(mean - mean.mean()))
    where = np.fft.rfftfreq(len(mean))
    usable = (where > LOW) & (np.abs(where * 8 - np.rint(where * 8)) / 8 > GRID)
    return float(found[usable].max() / (np.median(found[usable]) + 1e-6)) if usable.any() else 0.0
