"""What nobody may see: masked parts are blacked out before anything else looks, faces are blurred in every picture that leaves."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detectors.rules.scene import Point
from detectors.types import Box

GROWN = 0.25  # a face is blurred with this share of its size around it: hair and ears tell too
BLOCKS = 5  # a blurred face keeps so many blocks a side


class Mask:
    """Blacks out the polygons of one configuration; the raster is made once for each picture size."""

    def __init__(self, polygons: Sequence[Sequence[Point]]) -> None:
        self.polygons = polygons
        self._raster: np.ndarray | None = None

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A copy with the masked pixels black; the picture itself when there is no mask."""
        if not self.polygons:
            return image
        if self._raster is None or self._raster.shape != image.shape[:2]:
            self._raster = self._draw(*image.shape[:2])
        masked = image.copy()
        masked[self._raster] = 0
        return masked

    def _draw(self, height: int, width: int) -> np.ndarray:
        raster = np.zeros((height, width), np.uint8)
        for polygon in self.polygons:
            # One polygon at a time: where two overlap, fillPoly in one call would leave a hole.
            cv2.fillPoly(raster, [np.round(np.array(polygon) * [width, height]).astype(np.int32)], 255)
        return raster > 0


def blur(image: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """A copy in which each box, somewhat grown, is a coarse mosaic; the picture itself when there is no box."""
    if not boxes:
        return image
    blurred = image.copy()
    for box in boxes:
        left, top = max(0, int(box.x - GROWN * box.w)), max(0, int(box.y - GROWN * box.h))
        right, bottom = min(image.shape[1], int(box.x + (1 + GROWN) * box.w) + 1), min(image.shape[0], int(box.y + (1 + GROWN) * box.h) + 1)
        if right > left and bottom > top:
            part = cv2.resize(blurred[top:bottom, left:right], (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
            blurred[top:bottom, left:right] = cv2.resize(part, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
    return blurred
