"""Where privacy masks belong once the camera has been turned: what they covered before lies elsewhere now."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detectors.health.viewpoint import ViewState
from detectors.rules.scene import Point

MARGIN = 0.04  # of the width: by so much a mask that had to grow reaches past where it is thought to belong
SMALL = 320  # pixels of width at which grown masks are drawn: the margin is cheap there
FAR = 40.0  # pictures away: where a point behind the camera would be drawn


def polygons_over(polygons: Sequence[Sequence[Point]], transform: np.ndarray, height: int, width: int) -> np.ndarray:
    """True (height, width) inside the polygons, given in fractions and taken through a transform (3, 3) of fractions."""
    raster = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        there = cv2.perspectiveTransform(np.array(polygon, np.float64).reshape(-1, 1, 2), np.asarray(transform, np.float64)).reshape(-1, 2)
        # One polygon at a time: where two overlap, fillPoly in one call would leave a hole.
        cv2.fillPoly(raster, [np.round(np.clip(there, -FAR, FAR) * [width, height]).astype(np.int32)], 255)
    return raster > 0


def moved_away(view: ViewState) -> bool:
    """Whether masks belong elsewhere, or may do."""
    return view.transform is not None or bool(view.reason) or view.doubtful


def grown(polygons: Sequence[Sequence[Point]], view: ViewState, height: int, width: int) -> np.ndarray:
    """What must be black beside the masks themselves, (height, width): where they belong now and a margin; all of it where nobody can tell."""
    if not moved_away(view):
        return np.zeros((height, width), bool)
    if view.transform is None:
        return np.ones((height, width), bool)
    small = polygons_over(polygons, view.transform, max(16, round(SMALL * height / width)), SMALL).astype(np.uint8)
    side = 2 * round(MARGIN * SMALL) + 1
    return cv2.resize(cv2.dilate(small, np.ones((side, side))), (width, height), interpolation=cv2.INTER_NEAREST) > 0
