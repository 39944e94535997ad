"""What nobody may see: masked parts are blacked out before anything else looks, also when the camera has been turned; faces are blurred in what leaves."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detectors.health.masks import grown, moved_away, polygons_over
from detectors.health.viewpoint import ViewState
from detectors.rules.scene import Point
from detectors.types import Box

GROWN = 0.25  # a face is blurred with this share of its size around it: hair and ears tell too
BLOCKS = 5  # a blurred face keeps so many blocks a side


class Mask:
    """Blacks out the polygons of one configuration; the raster is made once for each picture size.

    When the camera looks elsewhere, what the polygons covered lies elsewhere: `follow` makes them grow to there. They then cover both places, and the
    whole picture when nobody can tell where it is.
    """

    def __init__(self, polygons: Sequence[Sequence[Point]]) -> None:
        self.polygons = polygons
        self._raster: np.ndarray | None = None
        self._grown: np.ndarray | None = None
        self._newest: np.ndarray | None = None
        self._for: tuple[ViewState, tuple[int, ...]] | None = None

    def apply(self, image: np.ndarray) -> np.ndarray:
        """A copy with the masked pixels black; the picture itself when there is no mask."""
        if not self.polygons:
            return image
        if self._raster is None or self._raster.shape != image.shape[:2]:
            self._raster = polygons_over(self.polygons, np.eye(3), *image.shape[:2])
        masked = image.copy()
        masked[self._raster] = 0
        return masked

    def follow(self, image: np.ndarray, view: ViewState | None) -> np.ndarray:
        """A masked picture with also that black which the masks would have covered if the camera had not been turned.

        All of it where `view` knows no transform; None: nobody watches where the camera looks.
        """
        if not self.polygons or (view is not None and not moved_away(view)):
            self._grown = self._newest = self._for = None
            return image
        if view is None or view.transform is None:
            return np.zeros_like(image)
        if self._for is None or self._for[0] is not view or self._for[1] != image.shape[:2]:
            now = grown(self.polygons, view, *image.shape[:2])
            # While it still turns it is further on than the last comparison says: the place before stays covered for one comparison more.
            before = self._newest if self._newest is not None and self._newest.shape == now.shape else now
            self._newest, self._grown, self._for = now, now | before, (view, image.shape[:2])
        masked = image.copy()
        masked[self._grown] = 0
        return masked


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
