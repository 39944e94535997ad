"""People and what they carry: NanoDet-g 416 (RangiLyu, Apache-2.0; 80 COCO classes, of which we keep the ones below)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.errors import BadInput
from detectors.image import check
from detectors.registry import detector
from detectors.tiles import Tiles, cut
from detectors.types import Box, Detection, ModelCard

if TYPE_CHECKING:
    import onnxruntime

SIDE, STRIDES, BINS, GREY = 416, (8, 16, 32), 11, 114
OUTPUTS = ("Identity", "Identity_1", "Identity_2", "Identity_3", "Identity_4", "Identity_5")
LOOK = "PartitionedCall/onnx_tf_prefix_Add_107"  # (1, 128, 52, 52): the finest map of the feature pyramid
LOOK_SIZE, CONTEXT = 128, 1.5  # a look shows the box and half of its longer side around it
KINDS = {0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck", 16: "dog", 24: "backpack", 25: "umbrella", 26: "handbag", 28: "suitcase"}


@detector("people", family="objects", weights="nanodet-g-416", exposes=(LOOK,))
class People:
    """Boxes of people, vehicles, dogs and bags.

    `tiles=(columns, rows)` looks at overlapping parts of the picture besides the whole: for drones, where a person is 10 pixels wide.
    """

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard, *, threshold: float | None = None, tiles: Tiles = (1, 1)) -> None:
        self.card, self.tiles, self._session = card, tiles, session
        self.threshold = card.thresholds["score"] if threshold is None else threshold
        self.nms_iou = card.thresholds["nms_iou"]
        self._points, self._strides = output_grid()
        self._wanted = np.array(sorted(KINDS))

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Findings of each picture (BGR uint8), best first; boxes in its own pixels, cut at its edges. Raises BadInput."""
        return [self._detect_one(check(image)) for image in images]

    def look(self, image: np.ndarray, box: Box) -> np.ndarray | None:
        """What the net sees in a box, (128,) float32 with mean square 1: its finest map over the enlarged crop, averaged over the box.

        One run of the net. None when these weights have no such map. Raises BadInput for no picture, or a box without a size.
        """
        seen, (left, top, right, bottom) = zoom(check(image), box)
        if LOOK not in {each.name for each in self._session.get_outputs()}:
            return None
        cells = self._session.run([LOOK], {"input_1": seen})[0][0][:, top:bottom, left:right].mean((1, 2))
        return (cells / max(float(np.sqrt((cells**2).mean())), 1e-6)).astype(np.float32)

    def _detect_one(self, image: np.ndarray) -> list[Detection]:
        parts = [self._run(image[y : y + h, x : x + w], x, y) for x, y, w, h in cut(image.shape[1], image.shape[0], self.tiles)]
        boxes, scores, kinds = (np.concatenate(each) for each in zip(*parts, strict=True))
        if not len(boxes):
            return []
        boxes = np.clip(boxes, 0, [image.shape[1], image.shape[0]] * 2)
        sizes = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        kept = cv2.dnn.NMSBoxesBatched(sizes.tolist(), scores.tolist(), kinds.tolist(), self.threshold, self.nms_iou)
        best = sorted(np.asarray(kept).ravel().tolist(), key=lambda i: (-scores[i], i))
        return [Detection(KINDS[int(kinds[i])], float(scores[i]), Box(*map(float, sizes[i]))) for i in best if sizes[i, 2:].min() > 0]

    def _run(self, part: np.ndarray, left: int, top: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Corners (N, 4) in the whole picture, scores (N,) and classes (N,) of one part of it."""
        seen, scale, shift = fit(part)
        outputs = self._session.run(OUTPUTS, {"input_1": seen})
        scores = np.concatenate(outputs[:3], 1)[0][:, self._wanted]
        best = scores.argmax(1)
        score = scores[np.arange(len(best)), best]
        keep = np.flatnonzero(score >= self.threshold)
        bins = np.concatenate(outputs[3:], 1)[0][keep].reshape(-1, 4, BINS)
        corners = _corners(bins, self._points[keep], self._strides[keep])
        corners = (corners - np.tile(shift, 2)) / np.tile(scale, 2) + [left, top, left, top]
        return corners, score[keep], self._wanted[best[keep]]


def fit(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The net's input (1, 3, 416, 416) of a picture, with the scale and shift (x, y) that led there: evenly scaled, grey around.

    Measured on PETS 2009 S2.L1: AP50 .898, against .881 when the picture is stretched to the square.
    """
    even = min(SIDE / image.shape[1], SIDE / image.shape[0])
    width, height = max(1, round(image.shape[1] * even)), max(1, round(image.shape[0] * even))
    left, top = (SIDE - width) // 2, (SIDE - height) // 2
    canvas = np.full((SIDE, SIDE, 3), GREY, np.uint8)
    canvas[top : top + height, left : left + width] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    scale = np.array([width / image.shape[1], height / image.shape[0]])
    return canvas.transpose(2, 0, 1)[None].astype(np.float32) / 255, scale, np.array([left, top], float)


def zoom(image: np.ndarray, box: Box) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """The net's input of a box and what is around it, grey past the picture's edges, and the box in cells of the finest map: left, top, right, bottom."""
    side = CONTEXT * max(box.w, box.h)
    if not np.isfinite(box).all() or min(box.w, box.h) <= 0:
        raise BadInput(f"a box has a width and a height, not {tuple(box)}")
    scale, middle = SIDE / side, np.array([box.x + box.w / 2, box.y + box.h / 2])
    shift = SIDE / 2 - scale * middle
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    crop = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(GREY,) * 3)
    half = scale * np.array([box.w, box.h]) / 2 / STRIDES[0]
    low = np.floor(SIDE / 2 / STRIDES[0] - half).astype(int)
    high = np.maximum(np.ceil(SIDE / 2 / STRIDES[0] + half).astype(int), low + 1)
    return crop.transpose(2, 0, 1)[None].astype(np.float32) / 255, (int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _corners(bins: np.ndarray, points: np.ndarray, strides: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom from the distance distributions (generalised focal loss, Li et al. 2020)."""
    weights = np.exp(bins - bins.max(2, keepdims=True))
    distance = (weights / weights.sum(2, keepdims=True)) @ np.arange(BINS) * strides[:, None]
    return np.hstack([points - distance[:, :2], points + distance[:, 2:]])


def output_grid() -> tuple[np.ndarray, np.ndarray]:
    """The middle (x, y) and the stride of every output location, in the order of the outputs."""
    points, strides = [], []
    for stride in STRIDES:
        n = SIDE // stride
        y, x = np.mgrid[:n, :n]
        points.append(np.stack([x.ravel(), y.ravel()], 1) * stride + stride / 2)
        strides.append(np.full(n * n, stride))
    return np.concatenate(points), np.concatenate(strides)
