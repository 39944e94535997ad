"""Is the camera itself all right: black, dazzled, frozen, blurred, dirty, covered or turned, told only after it has lasted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from detectors.health.cover import LensCover, cells_of
from detectors.health.stillness import Stillness
from detectors.health.viewpoint import SAME, ViewState, ViewWatch
from detectors.image import check
from detectors.native import StreamTurn
from detectors.registry import detector
from detectors.rules.scene import ELSEWHERE
from detectors.types import Detection, Frame, ModelCard

WIDTH, HEIGHT = 160, 120
LENS = ("greasy", "half_covered", "sprayed")  # part of the lens
REASONS = ("black", "overexposed", "frozen", "blurred", *LENS, "covered", *ELSEWHERE)
BLINDING = {"black", "overexposed", "blurred", "covered"}  # whoever sees so little cannot say where the camera looks
AT_ONCE = ("frozen", *LENS, *ELSEWHERE)  # what lasted long enough before it came here
WHITE = 250  # grey level from which a pixel is burnt out
LEARN = 15  # frames from which the reference is made
FADE = 0.02  # share of a healthy frame that goes into the reference, so that it follows the daylight


@dataclasses.dataclass(slots=True)
class _View:
    """A frame as it is compared: small grey picture, its coarse layout, how much detail it and each cell of it shows, and the share that is white."""

    grey: np.ndarray
    coarse: np.ndarray
    cells: np.ndarray
    detail: float
    white: float


@dataclasses.dataclass(slots=True)
class _CameraMemory:
    """What is remembered of one camera."""

    turn: StreamTurn = dataclasses.field(default_factory=StreamTurn)
    learnt: int = 0
    coarse: np.ndarray | None = None
    detail: float = 0.0
    white: float = 0.0
    t: float = float("-inf")
    watch: ViewWatch = dataclasses.field(default_factory=ViewWatch)
    cover: LensCover = dataclasses.field(default_factory=LensCover)
    stillness: Stillness = dataclasses.field(default_factory=Stillness)
    since: dict[str, float] = dataclasses.field(default_factory=dict)
    seen: dict[str, float] = dataclasses.field(default_factory=dict)


@detector("camera-health", family="health", kind="stream")
class CameraHealth:
    """Compares each frame with what the camera usually shows (learnt from its first 15 frames, then followed slowly while all is well).

    One object may serve many cameras, each camera's frames from one thread. Where it looks is learnt from the first six seconds and kept (`reference`,
    `recall`); pixels that are exactly black, as masked ones are, are not compared.
    `moving=True` is for drones: nothing is then said of where it looks or of parts of the lens.
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
                memory.stillness.begin_anew()
                memory.watch.begin_anew()
            wrong = self._wrong(memory, view, frame)
            memory.t = frame.t
            if not wrong and not memory.watch.state.doubtful and not memory.cover.suspect:
                _learn(memory, view)
            return self._settled(memory, wrong, frame.t)

    def detect(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Single pictures, without a reference: only black and dazzled can be said of them."""
        return [self._alone(look(image)) for image in images]

    def view(self, camera: str) -> ViewState:
        """Where a camera looks, by its last frame."""
        return self._memories[camera].watch.state if camera in self._memories else SAME

    def reference_version(self, camera: str) -> int:
        """A number that rises with every change of `reference`."""
        return self._memories[camera].watch.version if camera in self._memories else 0

    def reference(self, camera: str) -> bytes:
        """What the camera's view is compared with, to be kept with it; b"" until it has been learnt."""
        return self._memories[camera].watch.save() if camera in self._memories else b""

    def recall(self, camera: str, content: bytes) -> None:
        """Compare the camera's view with what `reference` gave before a restart. Raises BadInput."""
        self._memories.setdefault(camera, _CameraMemory()).watch.load(content)

    def forget(self, camera: str) -> None:
        """Learn a camera anew, after somebody has turned it on purpose."""
        self._memories.pop(camera, None)

    def _alone(self, view: _View) -> list[Detection]:
        found = {"black": _black(view, self._limits), "overexposed": _dazzled(view, None, self._limits)}
        return [_finding(reason, score, 0.0) for reason, score in found.items() if score]

    def _wrong(self, memory: _CameraMemory, view: _View, frame: Frame) -> dict[str, float]:
        """What this frame alone speaks for, with a score 0..1."""
        wrong = {}
        if score := _black(view, self._limits):
            wrong["black"] = score
        elif score := _dazzled(view, memory.white if memory.learnt >= LEARN else None, self._limits):
            wrong["overexposed"] = score
        elif memory.learnt >= LEARN:
            wrong |= self._unlike(memory, view)
        if memory.stillness.step(view.grey, frame.t):
            wrong["frozen"] = 1.0
        if self.moving:
            return wrong
        where = memory.watch.state if BLINDING & set(wrong) else memory.watch.step(frame.image, frame.t)
        part, share = ("", 0.0) if wrong else memory.cover.step(view.cells, cells_of(view.grey), frame.t)
        if where.reason:
            wrong[where.reason] = where.score
            memory.since[where.reason] = where.since
        elif part and not where.doubtful:
            wrong[part] = round(share, 4)
        return wrong

    def _unlike(self, memory: _CameraMemory, view: _View) -> dict[str, float]:
        light = float(np.clip(view.coarse.mean() / max(1.0, float(memory.coarse.mean())), 0.3, 1.0)) if memory.coarse is not None else 1.0
        kept = view.detail / max(light * memory.detail, 1e-6)
        layout = 1.0 if self.moving else correlation(view.coarse, memory.coarse)
        if kept < self._limits["detail"]:
            return {"blurred" if layout > self._limits["layout"] else "covered": round(1 - kept, 4)}
        return {}

    def _settled(self, memory: _CameraMemory, wrong: dict[str, float], t: float) -> list[Detection]:
        for reason in wrong:
            memory.since.setdefault(reason, t)
            memory.seen[reason] = t
        for reason in [each for each, seen in memory.seen.items() if t - seen > self._limits["clear_s"]]:
            del memory.since[reason], memory.seen[reason]
        hold = {"overexposed": self._limits["dazzled_s"], **dict.fromkeys(AT_ONCE, 0.0)}
        lasting = [reason for reason in wrong if t - memory.since[reason] >= hold.get(reason, self._limits["hold_s"])]
        return [_finding(reason, wrong[reason], memory.since[reason]) for reason in REASONS if reason in lasting]


def look(image: np.ndarray) -> _View:
    """A frame (BGR or grey uint8) as it is compared. Raises BadInput."""
    grey = cv2.resize(cv2.cvtColor(check(image), cv2.COLOR_BGR2GRAY), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.float32)
    detail = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    return _View(grey, cells_of(grey), cells_of(detail), float(detail.mean()), float((grey >= WHITE).mean()))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two maps; 0 when one of them is flat."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 1e-6 else 0.0


def _black(view: _View, limits: dict[str, float]) -> float:
    brightness = float(view.grey.mean())
    return round(1 - brightness / 255, 4) if brightness < limits["black_mean"] and float(view.grey.std()) < limits["black_spread"] else 0.0


def _dazzled(view: _View, usual: float | None, limits: dict[str, float]) -> float:
    """The share of white when that is most of the picture, or much more than is usual here (None: nobody knows what is)."""
    if usual is None:
        return round(view.white, 4) if view.white >= limits["white"] else 0.0
    least = max(min(limits["white"], max(limits["white_rise"], 2 * usual)), usual + 0.15)
    return round(view.white, 4) if view.white >= least else 0.0


def _learn(memory: _CameraMemory, view: _View) -> None:
    memory.learnt += 1
    share = max(FADE, 1 / memory.learnt)
    memory.coarse = view.coarse if memory.coarse is None else (1 - share) * memory.coarse + share * view.coarse
    memory.detail = (1 - share) * memory.detail + share * view.detail
    memory.white = (1 - share) * memory.white + share * view.white
    memory.cover.learn(view.cells, view.coarse)


def _finding(reason: str, score: float, since: float) -> Detection:
    return Detection(reason, score, data={"reason": reason, "since": since})
