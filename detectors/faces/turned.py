"""Pictures that lie on their side or on their head, as scans do: told by the face finder, which is surest of a face that stands upright."""

from __future__ import annotations

import cv2
import numpy as np

from detectors.faces.find import FaceFinder
from detectors.image import reduced

LONGEST = 480  # pixels that are enough to tell
# Of 98 pictures of LFW, each seen in all four ways: no upright one was called turned and no turned one missed with margins of 0 to 0.03.
MARGIN = 0.02
_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def turn_needed(finder: FaceFinder, picture: np.ndarray) -> int:
    """By how many degrees clockwise the picture (BGR uint8) must be turned for its best face to stand upright: 0, 90, 180 or 270. Raises BadInput."""
    small = reduced(picture, LONGEST)
    scores = {turn: max((face.score for face in finder.find(turn_by(small, turn))), default=0.0) for turn in (0, *_TURNS)}
    best = max(scores, key=lambda turn: scores[turn])
    return best if scores[best] > scores[0] + MARGIN else 0


def turn_by(picture: np.ndarray, degrees: int) -> np.ndarray:
    """The picture turned clockwise by 0, 90, 180 or 270 degrees."""
    return cv2.rotate(picture, _TURNS[degrees]) if degrees else picture
