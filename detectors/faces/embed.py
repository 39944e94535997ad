"""Whose a face may be: SFace 2021dec (Zhong et al., arXiv 2205.12010; Apache-2.0), 128 numbers a face."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.errors import BadInput
from detectors.faces.quality import judge
from detectors.image import check
from detectors.registry import detector
from detectors.types import Box, Detection, Face, ModelCard

if TYPE_CHECKING:
    import onnxruntime

SIDE = 112
# Where eyes, nose tip and mouth corners stand in the 112 x 112 picture the net was trained on (the ArcFace template), in YuNet's order.
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]], np.float32)


@detector("face-embedding", family="faces", weights="sface-2021dec")
class FaceEmbedding:
    """L2-normalised 128-number embeddings; the cosine of two says how alike two faces are."""

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard) -> None:
        self.card, self._session = card, session
        self._input = session.get_inputs()[0].name

    def embed(self, image: np.ndarray, faces: Sequence[Face]) -> list[Face]:
        """The same faces with `embedding` (128 float32) and `quality` (0..1, see `quality.judge`) set. Raises BadInput."""
        image = check(image)
        return [self._embed_one(align(image, face.landmarks), face) for face in faces]

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Each picture taken as one aligned face: one Detection with `data["embedding"]`. Raises BadInput."""
        crops = [cv2.resize(check(image), (SIDE, SIDE), interpolation=cv2.INTER_AREA) for image in images]
        return [
            [Detection("face", 1.0, Box(0, 0, image.shape[1], image.shape[0]), data={"embedding": self.embed_crop(crop).tolist()})]
            for image, crop in zip(images, crops, strict=True)
        ]

    def embed_crop(self, crop: np.ndarray) -> np.ndarray:
        """The embedding of an aligned 112 x 112 BGR crop."""
        batch = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB).transpose(2, 0, 1)[None].astype(np.float32)
        vector = self._session.run(None, {self._input: batch})[0][0]
        return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)

    def _embed_one(self, crop: np.ndarray, face: Face) -> Face:
        return dataclasses.replace(face, embedding=self.embed_crop(crop), quality=judge(crop, face).value)


def align(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The 112 x 112 picture in which the five landmarks stand as the net expects them (least-squares similarity, Umeyama 1991)."""
    points = np.asarray(landmarks, np.float32)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise BadInput("landmarks are five finite points")
    return cv2.warpAffine(image, similarity(points, TEMPLATE), (SIDE, SIDE), flags=cv2.INTER_LINEAR)


def aligned_points(landmarks: np.ndarray) -> np.ndarray:
    """Where the five landmarks of a face stand in its aligned picture, (5, 2) in pixels."""
    points = np.asarray(landmarks, np.float32)
    matrix = similarity(points, TEMPLATE)
    return points @ matrix[:, :2].T + matrix[:, 2]


def side_of(landmarks: np.ndarray) -> float:
    """The side of the aligned crop in pixels of the picture: a face of 16 means that its 112 x 112 crop was enlarged from 16 x 16."""
    matrix = similarity(np.asarray(landmarks, np.float32), TEMPLATE)
    return SIDE / max(float(np.hypot(*matrix[:, 0])), 1e-9)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The 2 x 3 matrix of the rotation, even scale and shift that bring `source` nearest to `target`."""
    source_mean, target_mean = source.mean(0), target.mean(0)
    a, b = (source - source_mean) @ np.array([1, 1j]), (target - target_mean) @ np.array([1, 1j])
    turn = np.vdot(a, b) / max(float(np.vdot(a, a).real), 1e-9)
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.hstack([matrix, (target_mean - matrix @ source_mean)[:, None]]).astype(np.float32)
