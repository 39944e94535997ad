"""Where faces are: YuNet 2023mar (Wu et al., Machine Intelligence Research 20, 2023; MIT), run by OpenCV."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from detectors.image import check, scaled
from detectors.native import NativePool
from detectors.registry import detector
from detectors.tiles import Tiles, cut
from detectors.types import Box, Detection, Face, ModelCard

LONG_SIDE = 1280  # larger pictures are scaled down to this before the net sees them
LARGEST_SCALE = 2.0  # of a tile
SHORT_SIDE = 16  # smaller ones are padded: the net's coarsest cell is 32 pixels
_logging = threading.Lock()


@detector("faces", family="faces", weights="yunet-2023mar", opens="path")
class FaceFinder:
    """Faces with five landmarks (eyes, nose tip, mouth corners).

    `tiles=(columns, rows)` looks at overlapping, enlarged parts of the picture besides the whole:
    in 1920 x 1080, (2, 2) finds faces of 16 pixels, (3, 3) of 10.
    """

    def __init__(self, path: Path, card: ModelCard, *, threshold: float | None = None, long_side: int = LONG_SIDE, tiles: Tiles = (1, 1)) -> None:
        self.card, self.long_side, self.tiles = card, long_side, tiles
        self.threshold = card.thresholds["score"] if threshold is None else threshold
        cv2.setNumThreads(1)

        def open_net() -> cv2.FaceDetectorYN:
            with quiet():
                return cv2.FaceDetectorYN.create(str(path), "", (320, 320), self.threshold, card.thresholds["nms_iou"], 5000)

        self._nets = NativePool(open_net)

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Faces of each picture (BGR uint8) as Detections; `data["landmarks"]` is (5, 2) as a list. Raises BadInput."""
        return [[Detection("face", face.score, face.box, data={"landmarks": face.landmarks.tolist()}) for face in self.find(image)] for image in images]

    def find(self, image: np.ndarray) -> list[Face]:
        """Faces of one picture, best first; boxes and landmarks in its own pixels. Raises BadInput."""
        image = check(image)
        found = [face for part in cut(image.shape[1], image.shape[0], self.tiles) for face in self._look(image, *part)]
        return _without_doubles(found, self.card.thresholds["nms_iou"]) if self.tiles != (1, 1) else found

    def _look(self, image: np.ndarray, left: int, top: int, width: int, height: int) -> list[Face]:
        """Faces of one part, scaled to the net's longest side: down as far as needed, up twice at the most, and up only when it is a tile."""
        scale = min(1.0 if self.tiles == (1, 1) else LARGEST_SCALE, self.long_side / max(width, height))
        part = image[top : top + height, left : left + width]
        seen = scaled(part, scale)
        below, right = max(0, SHORT_SIDE - seen.shape[0]), max(0, SHORT_SIDE - seen.shape[1])
        seen = cv2.copyMakeBorder(seen, 0, below, 0, right, cv2.BORDER_CONSTANT) if below or right else seen
        with self._nets.borrow() as net:
            with quiet():
                net.setInputSize((seen.shape[1], seen.shape[0]))
            found = net.detect(seen)[1]
        rows = [] if found is None else found.astype(float)
        return [_to_face(row, scale, left, top) for row in sorted(rows, key=lambda row: -row[14])]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """OpenCV 5 warns at every load that its new engine ignores targets: nothing a person can act on.

    The level is one for the whole process: the lock keeps a thread from restoring the level that another one had only just lowered.
    """
    with _logging:
        before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            yield
        finally:
            cv2.utils.logging.setLogLevel(before)


def _to_face(row: np.ndarray, scale: float, left: int, top: int) -> Face:
    corner = np.array([left, top], float)
    box, landmarks = np.concatenate([row[:2] / scale + corner, row[2:4] / scale]), row[4:14].reshape(5, 2) / scale + corner
    return Face(Box(*map(float, box)), float(min(1.0, row[14])), landmarks.astype(np.float32))


def _without_doubles(faces: list[Face], overlap: float) -> list[Face]:
    """The faces, best first, each found once although tiles overlap."""
    boxes, scores = [list(face.box) for face in faces], [face.score for face in faces]
    kept = cv2.dnn.NMSBoxes(boxes, scores, 0.0, overlap) if faces else []
    return sorted((faces[int(i)] for i in np.asarray(kept).ravel()), key=lambda face: -face.score)
