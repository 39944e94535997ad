"""Whether eyes or mouth of a face are covered: sunglasses, masks, scarves, hands, hair. A net of our own (detectors/train/face_covered.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.image import check
from detectors.registry import detector
from detectors.types import Box, Detection, ModelCard

if TYPE_CHECKING:
    import onnxruntime

PARTS = ("eyes", "mouth")
LOOKED_AT = 56  # pixels a side of what the net sees


@detector("face-covered", family="faces", weights="face-covered-1")
class Covered:
    """How likely eyes and mouth of an aligned face are covered, each 0..1; the card's thresholds say from where on they count as covered."""

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard | None = None) -> None:
        self.card, self._session = card, session

    def look(self, crop: np.ndarray) -> np.ndarray:
        """(2,): eyes, mouth of an aligned 112 x 112 BGR crop."""
        return self._session.run(None, {"pictures": prepare(crop)[None]})[0][0]

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Each picture taken as one aligned face: one Detection for each part that is covered, `data["part"]` is "eyes" or "mouth". Raises BadInput."""
        return [self._detections(check(image)) for image in images]

    def _detections(self, image: np.ndarray) -> list[Detection]:
        box = Box(0, 0, image.shape[1], image.shape[0])
        scores = zip(PARTS, self.look(image), strict=True)
        return [Detection("covered", float(score), box, data={"part": part}) for part, score in scores if score > self.card.thresholds[part]]


def prepare(crop: np.ndarray) -> np.ndarray:
    """What the net sees of an aligned face: (3, 56, 56) float32 RGB 0..1."""
    seen = cv2.resize(crop, (LOOKED_AT, LOOKED_AT), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(seen[..., ::-1].transpose(2, 0, 1), np.float32) / 255
