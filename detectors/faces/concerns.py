"""What a comparison of two faces must say before any number: how much the faces hold, and what speaks against trusting them."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detectors.faces import quality
from detectors.faces.embed import SIDE, TEMPLATE
from detectors.types import Face

# Bands of detail: pixels a side that an aligned face really holds. Calibrations are made for these.
BANDS = (8, 12, 16, 24, 32, 64, SIDE)
# A crop holds no more than a band when reducing it to the band and back changes less than this share of its contrast (read off 150 LFW crops:
# between the 90th percentile of crops of that band and the 10th of the next).
UNCHANGED = {8: 0.16, 12: 0.115, 16: 0.105, 24: 0.078, 32: 0.066, 64: 0.03}
NEARLY = 1.1  # a face of 105 pixels counts as one of 112
ENOUGH = 64  # detail from which more hardly helps (measured: docs/cards/face-compare.md)
SURE = 0.8  # of the face detector
WORDS = {"turned": "is turned to the side", "dark": "is very dark", "bright": "is very bright", "flat": "has hardly any contrast"}
WORDS |= {"covered eyes": "has covered eyes", "covered mouth": "has a covered mouth"}


def detail_of(crop: np.ndarray, landmarks: np.ndarray) -> float:
    """Pixels a side (at most 112) that an aligned face holds: those of the source under it, or fewer when they were enlarged or blurred before."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    contrast = max(float(grey.std()), 1.0)
    held = next((band for band, limit in UNCHANGED.items() if _lost(grey, band) / contrast < limit), SIDE)
    return min(float(held), source_pixels(landmarks))


def source_pixels(landmarks: np.ndarray) -> float:
    """Pixels a side of the source picture that lie under the aligned 112 x 112 face."""
    points = np.asarray(landmarks, float)
    return float(SIDE * np.sqrt(points.var(0).sum() / TEMPLATE.var(0).sum()))


def band_of(detail: float, bands: Sequence[int] = BANDS) -> int | None:
    """The largest band that a face fills, or nearly; None below the smallest."""
    return max((band for band in bands if band <= detail * NEARLY), default=None)


def concerns_of(crop: np.ndarray, face: Face, faces: int) -> list[str]:
    """Reasons to trust a comparison with this face less, as ends of "The face in picture 1 ..."; the gravest first."""
    source, detail = source_pixels(face.landmarks), detail_of(crop, face.landmarks)
    poor = quality.judge(crop, face).reasons
    found = [
        (band_of(detail) is None, f"holds {detail:.0f} pixels a side: too few to say anything"),
        (source < ENOUGH, f"is small: {source:.0f} pixels of the picture lie under the aligned face, {ENOUGH} are wanted"),
        (detail < min(source, ENOUGH), f"is blurred or was enlarged: it holds no more than {detail:.0f} pixels a side"),
        *((name in poor, words) for name, words in WORDS.items()),
        (np.ptp(crop.astype(int), axis=2).mean() < 2, "is grey; the calibration pictures are in colour"),
        (face.score < SURE, f"was found with a score of only {face.score:.2f}"),
        (faces > 1, f"is the largest of {faces}; the others were not compared"),
    ]
    return [words for applies, words in found if applies]


def _lost(grey: np.ndarray, band: int) -> float:
    reduced = cv2.resize(grey, (band, band), interpolation=cv2.INTER_AREA)
    return float((grey.astype(np.float32) - cv2.resize(reduced, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)).std())
