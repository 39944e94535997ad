"""JPEG ghosts: places whose coefficients lie on the steps of another, lower quality than the rest of the picture.

Farid, *Exposing Digital Forgeries from JPEG Ghosts*, IEEE TIFS 4(1), 2009: saved again at a range of qualities, a picture differs least at the quality of an
earlier save. The re-save is done on the DCT coefficients of the brightness (zigzag 2 to 15), which is what a re-save does to them before it rounds to pixels.
Each coefficient that does not become zero counts alike, and only against those of the same frequency and size in this picture, so that texture cancels out.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from detectors.forensics.blocks import coefficients, drawn_map
from detectors.forensics.exhibit import Exhibit, Measurement, cannot
from detectors.jpegfile import ZIGZAG, nearest_quality, standard_tables

QUALITIES = np.arange(30, 99, 2)
PLACES = ZIGZAG[1:15]
SIZES = 4  # coefficients of 0, 1, 2, and 3 or more steps are compared among themselves
WINDOW, LEAST = 7, 12  # blocks on a side; coefficients that a neighbourhood is counted as having at least
SPREAD = float(np.sqrt(1 / 180))  # of the square of a number that is uniform from -1/2 to 1/2
BELOW = 4  # an earlier quality shows only when it was lower than the last one by about this much
NOT_JPEG = 96  # the last quality of what comes in another format


@dataclasses.dataclass(frozen=True, slots=True)
class StepFit:
    """How well coefficients lie on the steps of each of the QUALITIES.

    `local` (Q, rows, columns): standard errors by which a neighbourhood fits better than the picture; `overall` (Q,): the mean squared distance from a
    step, 1/12 for what was never saved at that quality; `last` the quality of the last save, estimated.
    """

    local: np.ndarray
    overall: np.ndarray
    last: int


NOTHING = StepFit(np.zeros((len(QUALITIES), 1, 1), np.float32), np.full(len(QUALITIES), 1 / 12), 0)


def fit(exhibit: Exhibit) -> StepFit:
    """Measure the fit at every quality below the last one."""
    last = nearest_quality(exhibit.jpeg.luma)[0] if exhibit.jpeg is not None and exhibit.jpeg.luma is not None else NOT_JPEG
    found = np.ascontiguousarray(coefficients(exhibit.luma)[..., PLACES])
    kinds = SIZES * np.arange(len(PLACES), dtype=np.int32)
    local, overall = np.zeros((len(QUALITIES), *found.shape[:2]), np.float32), np.full(len(QUALITIES), 1 / 12)
    for n, quality in enumerate(QUALITIES):
        steps = found / standard_tables()[quality, 0].reshape(64)[PLACES].astype(np.float32)
        whole = np.rint(steps)
        off = (steps - whole) ** 2
        group = (kinds + np.minimum(np.abs(whole), SIZES - 1).astype(np.int32)).ravel()
        counts = np.bincount(group, minlength=SIZES * len(PLACES))
        means = np.bincount(group, off.ravel(), minlength=len(counts)) / np.maximum(1, counts)
        counted = (whole != 0) & (counts > 20)[group].reshape(off.shape)
        if not counted.any():
            continue
        better = np.where(counted, means[group].reshape(off.shape).astype(np.float32) - off, 0).sum(2)
        overall[n] = off[counted].mean()
        if quality <= last - BELOW:
            among = np.maximum(LEAST, _sum(counted.sum(2).astype(np.float32)))
            local[n] = _sum(better) / np.sqrt(among) / SPREAD
    return StepFit(local, overall, last)


def examine(exhibit: Exhibit, steps: StepFit) -> Measurement:
    """The best fit of a place to an earlier quality, in standard errors; `plain` is the contrast of Farid's own difference map."""
    if exhibit.small:
        return cannot("forensics-too-small")
    if exhibit.jpeg is not None and not exhibit.single_grid:
        return cannot("forensics-colours")
    best = int(steps.local.max((1, 2)).argmax())
    place = steps.local[best]
    facts = (("quality", "forensics-ghost-quality", int(QUALITIES[best])),)
    drawing = drawn_map(place, exhibit.luma.shape, 0, max(12.0, float(place.max())))
    return Measurement(float(place.max()), drawing=drawing, facts=facts, plain=plain(exhibit.luma))


def plain(luma: np.ndarray) -> float:
    """Farid's measure at its simplest: the range of the block-wise squared difference from a re-save at 65, normalised by its median."""
    high, wide = luma.shape[0] // 16 * 16, luma.shape[1] // 16 * 16
    part = luma[:high, :wide].astype(np.uint8)
    again = cv2.imdecode(cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, 65])[1], cv2.IMREAD_GRAYSCALE)
    squares = (part.astype(np.float32) - again) ** 2
    means = squares.reshape(high // 16, 16, wide // 16, 16).mean((1, 3))
    return float((np.median(means) - means.min()) / (np.median(means) + 1e-6))


def _sum(values: np.ndarray) -> np.ndarray:
    return cv2.boxFilter(values, -1, (WINDOW, WINDOW), normalize=False, borderType=cv2.BORDER_CONSTANT)
