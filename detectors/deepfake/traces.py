"""Rings of the spectrum around a face, in the picture's own pixels: the plain rival that generators' and encoders' traces are first looked for with."""

from __future__ import annotations

import numpy as np

RINGS = 16


def face_part(picture: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The square around a face, half as wide again as its box, in the picture's own pixels: nothing is resampled."""
    x, y, w, h = box
    half = max(16.0, 0.75 * max(w, h))
    left, top = int(max(0, x + w / 2 - half)), int(max(0, y + h / 2 - half))
    part = picture[top : int(y + h / 2 + half), left : int(x + w / 2 + half)]
    return part if min(part.shape[:2]) >= 16 else picture


def rings(part: np.ndarray) -> np.ndarray:
    """(16,) of a BGR picture: mean log power by distance from the spectrum's middle, less its mean; frequencies per pixel, so that sizes compare."""
    grey = part.astype(np.float32) @ np.array([0.114, 0.587, 0.299], np.float32)
    window = np.outer(np.hanning(grey.shape[0]), np.hanning(grey.shape[1]))
    power = np.log(np.abs(np.fft.rfft2((grey - grey.mean()) * window)) ** 2 / window.sum() + 1e-3)
    radius = np.hypot(np.fft.fftfreq(grey.shape[0])[:, None], np.fft.rfftfreq(grey.shape[1])[None])
    which = np.minimum((radius / 0.5 * RINGS).astype(int), RINGS - 1)
    sums, counts = np.bincount(which.ravel(), power.ravel(), RINGS), np.bincount(which.ravel(), minlength=RINGS)
    means = sums / np.maximum(counts, 1)
    return means - means.mean()
