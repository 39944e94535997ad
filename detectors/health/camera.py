"""Is the camera itself all right: black, frozen, blurred, moved or covered, told only after it has lasted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from detectors.image import check
from detectors.native import StreamTurn
from detectors.registry import detector
from detectors.types import Detection, Frame, ModelCard

WIDTH, HEIGHT, COARSE = 160, 120, (16, 12)
REASONS = ("black", "frozen", "blurred", "moved", "covered")
LEARN = 15  # frames from which the reference is made
FADE = 0.02  # share of a healthy frame that goes into the reference, so that it follows the daylight


@dataclasses.dataclass(slots=True)
class _View:
    """A frame as it is compared: small grey picture, its edges, its coarse layout, and how much detail it shows."""

    grey: np.ndarray
    edges: np.ndarray
    coarse: np.ndarray
    detail: float


@dataclasses.dataclass(slots=True)
class _CameraMemory:
    """What is remembered of one camera."""

    turn: StreamTurn = dataclasses.field(default_factory=StreamTurn)
    learnt: int = 0
    edges: np.ndarray | None = None
    coarse: np.ndarray | None = None
    detail: float = 0.0
    last: np.ndarray | None = None
    t: float = float("-inf")
    still_since: float | None = None
    since: dict[str, float] = dataclasses.field(default_factory=dict)
    seen: dict[str, float] = dataclasses.field(default_factory=dict)


@detector("camera-health", family="health", kind="stream")
class CameraHealth:
    """Compares each frame with what the camera usually shows (learnt from its first 15 frames, then followed slowly while all is well).

    One object may serve many cameras, each camera's frames from one thread.
    `moving=True` is for drones: nothing is then said of "moved", and layout is not compared.
    """

    def __init__(self, session: None, card: ModelCard, *, moving: bool = False) -> None:
        self.card, self.moving = card, moving
        self._limits = card.thresholds
        self._memories: dict[str, _CameraMemory] = {}

    def step(self, frame: Frame) -> list[Detection]:
        """What is wrong with the camera now, `kind` and `data["reason"]` one of REASONS, `data["since"]` the time it began. Raises BadInput, StreamShared."""
        memory, view = self._memories.setdefault(frame.camera, _CameraMemory()), look(frame.image)
        with memory.turn.take(frame.camera):
            if frame.t <= memory.t:
                memory.since.clear()
                memory.seen.clear()
                memory.still_since = None
            wrong = self._wrong(memory, view, frame.t)
            memory.last, memory.t = view.grey, frame.t
            if not wrong:
                _learn(memory, view)
            return self._settled(memory, wrong, frame.t)

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Single pictures, without a reference: only black can be said of them."""
        return [[_finding("black", score, 0.0)] if (score := _black(look(image), self._limits)) else [] for image in images]

    def forget(self, camera: str) -> None:
        """Learn a camera anew, after somebody has turned it on purpose."""
        self._memories.pop(camera, None)

    def _wrong(self, memory: _CameraMemory, view: _View, t: float) -> dict[str, float]:
        """What this frame alone speaks for, with a score 0..1."""
        wrong = {}
        if score := _black(view, self._limits):
            wrong["black"] = score
        elif memory.learnt >= LEARN:
            wrong |= self._unlike(memory, view)
        if memory.last is not None and float(np.abs(view.grey - memory.last).mean()) < self._limits["frozen_difference"]:
            memory.still_since = memory.t if memory.still_since is None else memory.still_since
            if t - memory.still_since >= self._limits["frozen_s"]:
                wrong["frozen"] = 1.0
        else:
            memory.still_since = None
        return wrong

    def _unlike(self, memory: _CameraMemory, view: _View) -> dict[str, float]:
        kept = view.detail / max(memory.detail, 1e-6)
        layout = 1.0 if self.moving else correlation(view.coarse, memory.coarse)
        if kept < self._limits["detail"]:
            return {"blurred" if layout > self._limits["layout"] else "covered": round(1 - kept, 4)}
        edges = 1.0 if self.moving else correlation(view.edges, memory.edges)
        return {"moved": round(1 - max(0.0, edges), 4)} if edges < self._limits["edges"] else {}

    def _settled(self, memory: _CameraMemory, wrong: dict[str, float], t: float) -> list[Detection]:
        for reason in wrong:
            memory.since.setdefault(reason, t)
            memory.seen[reason] = t
        for reason in [each for each, seen in memory.seen.items() if t - seen > self._limits["clear_s"]]:
            del memory.since[reason], memory.seen[reason]
        lasting = [reason for reason in wrong if reason == "frozen" or t - memory.since[reason] >= self._limits["hold_s"]]
        return [_finding(reason, wrong[reason], memory.since[reason]) for reason in REASONS if reason in lasting]


def look(image: np.ndarray) -> _View:
    """A frame (BGR or grey uint8) as it is compared. Raises BadInput."""
    grey = cv2.resize(cv2.cvtColor(check(image), cv2.COLOR_BGR2GRAY), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    edges = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    detail = float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())
    # A little blur, so that a camera that trembles by a pixel is not called moved.
    return _View(grey, cv2.GaussianBlur(edges, (5, 5), 0), cv2.resize(grey, COARSE, interpolation=cv2.INTER_AREA), detail)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two maps; 0 when one of them is flat."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 1e-6 else 0.0


def _black(view: _View, limits: dict[str, float]) -> float:
    brightness = float(view.grey.mean())
    return round(1 - brightness / 255, 4) if brightness < limits["black_mean"] and float(view.grey.std()) < limits["black_spread"] else 0.0


def _learn(memory: _CameraMemory, view: _View) -> None:
    memory.learnt += 1
    share = max(FADE, 1 / memory.learnt)
    if memory.edges is None or memory.coarse is None:
        memory.edges, memory.coarse, memory.detail = view.edges, view.coarse, view.detail
        return
    memory.edges = (1 - share) * memory.edges + share * view.edges
    memory.coarse = (1 - share) * memory.coarse + share * view.coarse
    memory.detail = (1 - share) * memory.detail + share * view.detail


def _finding(reason: str, score: float, since: float) -> Detection:
    return Detection(reason, score, data={"reason": reason, "since": since})
