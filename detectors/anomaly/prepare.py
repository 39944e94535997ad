"""The one place that says how a frame becomes the anomaly net's input."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.image import check

HEIGHT, WIDTH = 160, 240
PAST = 4  # earlier frames a window holds besides the one that is judged; the net is built for it
LONGEST_GAP_S = 2.0  # after such a pause the earlier frames say nothing about motion: neither to the detector nor in training


def small(image: np.ndarray) -> np.ndarray:
    """A frame (BGR or grey uint8) as the net sees it: grey uint8 (160, 240), stretched. Raises BadInput."""
    grey = cv2.cvtColor(check(image), cv2.COLOR_BGR2GRAY)
    return cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
