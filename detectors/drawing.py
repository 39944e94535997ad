"""Evidence pictures: what was found, drawn on a copy of the input."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detectors.image import encode_png
from detectors.types import Face

LONG_SIDE = 1600
INK, PAPER = (96, 110, 20), (245, 250, 250)  # BGR: verdigris on stone


def draw_faces(image: np.ndarray, faces: Sequence[Face]) -> bytes:
    """PNG of the picture with each face boxed and numbered from 1, at most 1600 pixels a side."""
    scale = min(1.0, LONG_SIDE / max(image.shape[:2]))
    canvas = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image.copy()
    thick = max(1, round(max(canvas.shape[:2]) / 400))
    for number, face in enumerate(faces, 1):
        left, top, right, bottom = (round(each * scale) for each in (face.box.x, face.box.y, face.box.x + face.box.w, face.box.y + face.box.h))
        cv2.rectangle(canvas, (left, top), (right, bottom), PAPER, thick + 2)
        cv2.rectangle(canvas, (left, top), (right, bottom), INK, thick)
        for x, y in face.landmarks * scale:
            cv2.circle(canvas, (round(float(x)), round(float(y))), thick + 1, INK, -1)
        _label(canvas, str(number), (left + 2, max(12 * thick, top - 4)), thick)
    return encode_png(canvas)


def side_by_side(left: np.ndarray, right: np.ndarray, zoom: int = 2) -> bytes:
    """PNG of two pictures of one height, enlarged, a gap between them."""
    gap = np.full((left.shape[0], 8, 3), PAPER, np.uint8)
    return encode_png(cv2.resize(np.hstack([left, gap, right]), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC))


def _label(canvas: np.ndarray, text: str, at: tuple[int, int], thick: int) -> None:
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * thick, PAPER, thick + 2, cv2.LINE_AA)
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * thick, INK, thick, cv2.LINE_AA)
