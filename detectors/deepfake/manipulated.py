"""How likely a face was manipulated, in which way and where: a net of our own (detectors/train/manipulated.py)."""

from __future__ import annotations

import dataclasses
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

KINDS = ("blended", "edited", "generated")


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """What the net sees of a crop: for each of KINDS by how many deviations of real faces it stands above them (3,), and where (10, 10), each 0..1."""

    kinds: np.ndarray
    where: np.ndarray

    @property
    def picture(self) -> float:
        """One number for a face in a still."""
        return float(np.mean(self.kinds))

    @property
    def clip(self) -> float:
        """One number for a face in a moving picture: only whether another face or mouth was blended in."""
        return float(self.kinds[0])


@detector("face-manipulated", family="deepfake", weights="face-manipulated-1")
class ManipulatedFaces:
    """Whether a face's crop (detectors/deepfake/crops.py) was blended from another one, edited by hand, or generated."""

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard | None = None) -> None:
        self.card, self._session = card, session

    def look(self, crop: np.ndarray) -> Look:
        """The mean of a (160, 160, 3) BGR crop and its mirror image."""
        kinds, where = self.raw(crop)
        return Look((kinds - self.card.thresholds["real_mean"]) / self.card.thresholds["real_deviation"], where)

    def raw(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The net's own log-odds of KINDS (3,), and the map."""
        both = np.stack([crop, crop[:, ::-1]])[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
        kinds, where = self._session.run(None, {"pictures": both})
        return kinds.mean(0), (where[0] + where[1][:, ::-1]) / 2

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Each picture taken as one face's crop: one Detection when it counts as fake by the card; `data["kind"]` is the strongest kind. Raises BadInput."""
        return [self._detections(check(image)) for image in images]

    def _detections(self, image: np.ndarray) -> list[Detection]:
        seen = self.look(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        if seen.picture < self.card.thresholds["picture"]["high"]:
            return []
        kind = KINDS[int(np.argmax(seen.kinds))]
        return [Detection("manipulated", float(1 / (1 + np.exp(-seen.picture))), Box(0, 0, image.shape[1], image.shape[0]), data={"kind": kind})]
