"""Whether parts of a face were blended in from another one, and where: a net of our own that learned from real faces alone."""

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


@detector("face-manipulated", family="deepfake", weights="face-manipulated-1")
class ManipulatedFaces:
    """Log-odds that a face's crop (detectors/deepfake/crops.py) was blended, smoothed or moved, with a map of 10 x 10 cells."""

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard | None = None) -> None:
        self.card, self._session = card, session

    def look(self, crop: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-odds, and where (10, 10) 0..1, of a (160, 160, 3) BGR crop: the mean of the crop and its mirror image."""
        both = np.stack([crop, crop[:, ::-1]])[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
        whole, where = self._session.run(None, {"pictures": both})
        return float(whole.mean()), (where[0] + where[1][:, ::-1]) / 2

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Each picture taken as one face's crop: one Detection when its log-odds are above the card's threshold for clips. Raises BadInput."""
        return [self._detections(check(image)) for image in images]

    def _detections(self, image: np.ndarray) -> list[Detection]:
        whole, _ = self.look(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        if whole < self.card.thresholds["clip"]["high"]:
            return []
        return [Detection("manipulated", float(1 / (1 + np.exp(-whole))), Box(0, 0, image.shape[1], image.shape[0]))]
