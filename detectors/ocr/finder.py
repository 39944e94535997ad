"""Where a picture has lines of text: the map of a differentiable-binarization net (Liao et al. 2020), cut into turned rectangles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from detectors.image import scaled

if TYPE_CHECKING:
    import onnxruntime

STEP = 32  # the net takes sides that are multiples of it
LEAST_SIDE = 3  # pixels of the map; what is thinner is no line
MOST_LINES = 300  # of one picture, the likeliest
KERNEL = np.ones((2, 2), np.uint8)


class TextFinder:
    """Lines of text as turned rectangles. `settings` are the thresholds of the card: map, box, unclip, shortest, longest."""

    def __init__(self, session: onnxruntime.InferenceSession, settings: dict[str, Any]) -> None:
        self._session, self._settings = session, settings

    def find(self, picture: np.ndarray) -> list[tuple[np.ndarray, float]]:
        """The corners of each line (4, 2), clockwise from the left upper one, in pixels of the BGR picture, and how sure the net is of it: 0..1."""
        seen = prepare(picture, self._settings["shortest"], self._settings["longest"])
        chances = self._session.run(None, {"x": blob(seen)})[0][0, 0]
        mask = cv2.dilate((chances > self._settings["map"]).astype(np.uint8), KERNEL)
        contours = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]
        found = [each for contour in contours if (each := self._line(chances, contour))]
        back = np.array([picture.shape[1] / chances.shape[1], picture.shape[0] / chances.shape[0]], np.float32)
        found.sort(key=lambda each: (-each[1], each[0].tolist()))
        return [(corners * back, score) for corners, score in found[:MOST_LINES]]

    def _line(self, chances: np.ndarray, contour: np.ndarray) -> tuple[np.ndarray, float] | None:
        centre, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < LEAST_SIDE:
            return None
        score = _mean_inside(chances, cv2.boxPoints((centre, (width, height), angle)))
        if score < self._settings["box"]:
            return None
        margin = width * height * self._settings["unclip"] / (2 * (width + height))  # the net was taught a shrunk line (Vatti clipping of a rectangle)
        return in_order(cv2.boxPoints((centre, (width + 2 * margin, height + 2 * margin), angle))), score


def prepare(picture: np.ndarray, shortest: int, longest: int) -> np.ndarray:
    """The picture with a shorter side of at least `shortest`, a longer one of at most `longest`, both multiples of STEP."""
    scale = max(1.0, shortest / min(picture.shape[:2]))
    scale = min(scale, longest / max(picture.shape[:2]))
    seen = scaled(picture, scale)
    height, width = (max(STEP, round(side / STEP) * STEP) for side in seen.shape[:2])
    return cv2.resize(seen, (width, height), interpolation=cv2.INTER_LINEAR)


def blob(picture: np.ndarray) -> np.ndarray:
    """What the nets take: (1, 3, H, W) float32, BGR, -1..1."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / 127.5 - 1


def in_order(corners: np.ndarray) -> np.ndarray:
    """Four corners clockwise, from the left upper one of a line that is read from left to right or, when it stands upright, from the top."""
    middle = corners.mean(0)
    around = corners[np.argsort([math.atan2(y - middle[1], x - middle[0]) for x, y in corners], kind="stable")]
    first = int(np.argmin(around.sum(1)))
    return np.roll(around, -first, axis=0).astype(np.float32)


def _mean_inside(chances: np.ndarray, corners: np.ndarray) -> float:
    """The mean of the map inside a rectangle."""
    low = np.clip(np.floor(corners.min(0)).astype(int), 0, [chances.shape[1] - 1, chances.shape[0] - 1])
    high = np.clip(np.ceil(corners.max(0)).astype(int), 0, [chances.shape[1] - 1, chances.shape[0] - 1])
    mask = np.zeros((high[1] - low[1] + 1, high[0] - low[0] + 1), np.uint8)
    cv2.fillPoly(mask, [(corners - low).astype(np.int32)], 1)
    return float(cv2.mean(chances[low[1] : high[1] + 1, low[0] : high[0] + 1], mask)[0])
