"""Whether a face was put together by hand or generated: linear probes on frozen maps of SFace and EfficientNet-Lite0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.deepfake.crops import SIDE
from detectors.image import check
from detectors.registry import detector
from detectors.types import Box, Detection, ModelCard

if TYPE_CHECKING:
    import onnxruntime

KINDS = ("edited", "generated")


@detector("face-probe", family="deepfake", weights="face-probe-1")
class FaceProbe:
    """Log-odds that a face was made, by hand or by a generator ("edited"), and that it is wholly generated."""

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard | None = None) -> None:
        self.card, self._session = card, session

    def look(self, crop: np.ndarray) -> np.ndarray:
        """Log-odds of KINDS (2,) for a (160, 160, 3) BGR crop."""
        seen = np.ascontiguousarray(crop[..., ::-1].transpose(2, 0, 1)[None], np.float32)
        return self._session.run(["kinds"], {"pictures": seen})[0][0]

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Each picture taken as one face's crop: a Detection for each kind above the card's threshold. Raises BadInput."""
        return [self._detections(check(image)) for image in images]

    def _detections(self, image: np.ndarray) -> list[Detection]:
        scores = self.look(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        box = Box(0, 0, image.shape[1], image.shape[0])
        chances = zip(KINDS, 1 / (1 + np.exp(-np.clip(scores, -30, 30))), strict=True)
        return [Detection(kind, float(chance), box) for kind, chance in chances if chance > self.card.thresholds[kind]]
