"""More motion than what is seen explains: the anomaly net on a camera's last frames, calibrated on that camera's own normal footage."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from detectors.anomaly.calibration import Calibration, calibrate
from detectors.anomaly.prepare import HEIGHT, LONGEST_GAP_S, PAST, WIDTH, small
from detectors.native import StreamTurn
from detectors.registry import detector
from detectors.types import Box, Detection, Frame, ModelCard

if TYPE_CHECKING:
    import onnxruntime

CELL = 8  # pixels of the small frame a block is wide
GATHER = 4  # blocks a side over which excess is averaged: about a person near the camera, a vehicle far away
RECENT = 4  # frames over which it is averaged, this one and earlier ones only
WARM_UP = 300  # frames from which an uncalibrated camera learns what is normal
CUT_SHARE, CUT_GREY = 0.6, 12  # when more blocks than this change by more grey levels, it is the picture that changed, not something in it


@dataclasses.dataclass(slots=True)
class _MotionMemory:
    """What is remembered of one camera."""

    frames: deque[np.ndarray]
    maps: deque[np.ndarray]
    warm_up: list[np.ndarray]
    turn: StreamTurn = dataclasses.field(default_factory=StreamTurn)
    t: float = float("-inf")
    n: int = -1


@detector("anomaly", family="anomaly", weights="anomaly-1", kind="stream")
class AnomalyDetector:
    """A score for every frame: 0.5 where the excess motion is `z` spreads (card) above what this camera's own normal footage shows.

    One object may serve many cameras, each camera's frames from one thread.
    Without a `calibration` the first 300 frames of a camera become it, and until then `step` gives None. Only the past is used.
    """

    def __init__(self, session: onnxruntime.InferenceSession, card: ModelCard, *, calibration: Calibration | None = None) -> None:
        self.card, self._session = card, session
        self.threshold = 0.5
        self._z = float(card.thresholds["z"])
        self._given = calibration
        self._memories: dict[str, _MotionMemory] = {}
        self._calibrations: dict[str, Calibration] = {}

    def step(self, frame: Frame) -> Detection | None:
        """Take a camera's next frame; None while there are too few frames or the camera is still being learnt. Raises BadInput, StreamShared."""
        memory = self._memory_of(frame.camera)
        with memory.turn.take(frame.camera):
            excess = self._excess(memory, frame)
            calibration = self.calibration(frame.camera)
            if excess is not None and calibration is None:
                self._learn(memory, frame.camera, excess)
        if excess is None or calibration is None:
            return None
        raw, row, column = calibration.raw(excess)
        z = calibration.z(raw)
        score = max(0.0, z) / (max(0.0, z) + self._z)
        return Detection("anomaly", score, _box(row, column, frame.image.shape), data={"z": round(z, 3), "raw": round(raw, 5)})

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Still pictures have no motion: what `step` says of each picture as the first of a camera, nothing."""
        return [[] for image in images if small(image) is not None]

    def calibration(self, camera: str) -> Calibration | None:
        """What is normal for a camera, to be kept with it; None until it has been learnt."""
        return self._given or self._calibrations.get(camera)

    def excess(self, frame: Frame) -> np.ndarray | None:
        """Excess motion of the blocks (20, 30) averaged over neighbours and the last frames; None while there are too few frames. Raises as `step`."""
        memory = self._memory_of(frame.camera)
        with memory.turn.take(frame.camera):
            return self._excess(memory, frame)

    def _excess(self, memory: _MotionMemory, frame: Frame) -> np.ndarray | None:
        if not 0 < frame.t - memory.t < LONGEST_GAP_S or frame.n <= memory.n:
            memory.frames.clear()
            memory.maps.clear()
        memory.t, memory.n = frame.t, frame.n
        memory.frames.append(small(frame.image))
        if len(memory.frames) > 1 and _is_cut(memory.frames[-2], memory.frames[-1]):
            memory.frames = deque([memory.frames[-1]], maxlen=PAST + 1)
            memory.maps.clear()
        if len(memory.frames) < 2:
            return None
        # Too short a past is mirrored: the motion between neighbouring frames keeps its size.
        past = np.pad(np.stack(memory.frames), ((PAST + 1 - len(memory.frames), 0), (0, 0), (0, 0)), mode="reflect")
        windows = past[None].astype(np.float32) / 255
        seen = self._session.run(None, {"windows": windows})[0][0]
        memory.maps.append(cv2.blur(seen, (GATHER, GATHER)))
        return np.mean(memory.maps, axis=0)

    def _memory_of(self, camera: str) -> _MotionMemory:
        return self._memories.setdefault(camera, _MotionMemory(deque(maxlen=PAST + 1), deque(maxlen=RECENT), []))

    def _learn(self, memory: _MotionMemory, camera: str, excess: np.ndarray) -> None:
        memory.warm_up.append(excess)
        if len(memory.warm_up) >= WARM_UP:
            self._calibrations[camera] = calibrate(np.stack(memory.warm_up))
            memory.warm_up.clear()


def _is_cut(before: np.ndarray, now: np.ndarray) -> bool:
    blocks = cv2.resize(cv2.absdiff(before, now), (WIDTH // CELL, HEIGHT // CELL), interpolation=cv2.INTER_AREA)
    return bool((blocks > CUT_GREY).mean() > CUT_SHARE)


def _box(row: int, column: int, shape: tuple[int, ...]) -> Box:
    """The neighbourhood of a block, in pixels of the frame."""
    side = GATHER * CELL
    down, right = shape[0] / HEIGHT, shape[1] / WIDTH
    left, top = (column + 0.5) * CELL - side / 2, (row + 0.5) * CELL - side / 2
    return Box(left * right, top * down, side * right, side * down)
