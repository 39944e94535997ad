"""Judge whether a turned camera is noticed, how soon, whether masks grow to where they belong, and how often an unmoved one is called moved."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import detectors
from detectors import nuisances
from detectors.clips import FPS, SceneClip, read_scenes
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.health.masks import grown, polygons_over
from detectors.metrics import interval
from detectors.rules.scene import ELSEWHERE
from detectors.types import Frame

VIEW = 0.8  # of a frame is what the made-up camera sees: the rest is real scene for it to turn to
LEARN_S, TURNED_S, UNMOVED_S, WITHIN_S = 10.0, 12.0, 20.0, 10.0
MASKS = (((0.05, 0.3), (0.3, 0.3), (0.3, 0.7), (0.05, 0.7)), ((0.6, 0.15), (0.85, 0.1), (0.9, 0.4), (0.65, 0.45)))
TREMBLE = ("statue", "web", "insect", "rain", "shadow", "headlights", "shake", "night_noise")  # what an unmoved camera goes through
RIVAL_SIDE = 96  # pixels at which the rivals look


@dataclasses.dataclass(slots=True)
class Turned:
    """One scene, turned one way: whether the view had been learnt by then, and seconds until the turn was noticed.

    `covered`, `covered_stale`: the share of what the masks had covered that is black at the end, and would be if they stayed; `rivals`: their scores.
    """

    scene: str
    how: str
    learnt: bool
    noticed_s: float | None
    covered: float
    covered_stale: float
    black: float
    rivals: dict[str, float]


@dataclasses.dataclass(slots=True)
class Unmoved:
    """One scene that stays where it is: how often it was called moved or lost, in how many seconds, and the rivals' largest scores."""

    scene: str
    under: str
    alarms: int
    seconds: float
    rivals: dict[str, float]


@evaluator("camera-moved")
def evaluate_moved(folder: Path, **_: Any) -> Evaluation:
    """Share noticed within 10 s by kind of turn, median seconds, cover of the masks, false moves an hour; the intervals draw scenes again.

    Each rival's threshold is its largest score on the unmoved first half of the scenes; it is judged on the other half, as are we in `ours_on_those`.
    """
    scenes, skipped = read_scenes(folder)
    start = time.perf_counter()
    turned = [[turn(scene, how) for how in TURNS] for scene in scenes]
    unmoved = [[stay(scene, under) for under in ("", *TREMBLE)] for scene in scenes]
    seconds = time.perf_counter() - start
    frames = round(len(scenes) * (len(TURNS) * (LEARN_S + TURNED_S) + len(unmoved[0]) * (LEARN_S + UNMOVED_S)) * FPS)
    metrics = {"noticed_within_10_s": interval(turned, _noticed)}
    for n, how in enumerate(TURNS):
        metrics[f"noticed_within_10_s: {how}"] = interval(turned, lambda drawn, n=n: _noticed([[each[n]] for each in drawn]))
    metrics["view_learnt"] = interval(turned, lambda drawn: float(np.mean([each.learnt for row in drawn for each in row])))
    metrics["noticed_within_10_s_where_learnt"] = interval(turned, lambda drawn: _noticed([[each for each in row if each.learnt] for row in drawn]))
    metrics["seconds_to_notice_median"] = interval(turned, lambda drawn: _median([each.noticed_s for row in drawn for each in row]))
    metrics["masks_covered"] = interval(turned, lambda drawn: float(np.mean([each.covered for row in drawn for each in row])))
    metrics["masks_covered_if_they_stayed"] = interval(turned, lambda drawn: float(np.mean([each.covered_stale for row in drawn for each in row])))
    metrics["picture_black"] = interval(turned, lambda drawn: float(np.mean([each.black for row in drawn for each in row])))
    metrics["false_moves_per_hour"] = interval(unmoved, _false_per_hour)
    for n, under in enumerate(("plain", *TREMBLE)):
        metrics[f"false_moves_per_hour: {under}"] = interval(unmoved, lambda drawn, n=n: _false_per_hour([[each[n]] for each in drawn]))
    rows = [dataclasses.asdict(each) for row in turned for each in row]
    return Evaluation(
        n=frames,
        metrics=metrics,
        threshold={"value": None, "from": "detectors/health/viewpoint.py: set by hand; the card says on which scenes they were looked at"},
        model=model_of("camera-health"),
        inference_s=seconds,
        skipped=skipped,
        headline=("noticed_within_10_s", "false_moves_per_hour"),
        extra={
            "scenes": [{name: value for name, value in row.items() if name != "rivals"} for row in rows],
            "unmoved_hours": round(sum(each.seconds for row in unmoved for each in row) / 3600, 3),
            **_with_rivals(turned, unmoved),
        },
    )


def turn(scene: SceneClip, how: str) -> Turned:
    """A camera that looks at the scene for 10 s and is then turned: what camera-health and the rivals make of it."""
    judge, frames, rivals = detectors.load("camera-health"), scene.play(), Rivals()
    height, width = (round(VIEW * side) for side in scene.frames[0].shape[:2])
    learnt, noticed, t = False, None, 0.0
    for n in range(round((LEARN_S + TURNED_S) * FPS)):
        t, begun = n / FPS, n / FPS - LEARN_S
        learnt = learnt or (begun < 0 and judge.view(scene.name).learnt)
        picture = seen(next(frames), TURNS[how](width, height) if begun >= 0 else np.eye(3), width, height)
        found = judge.step(Frame(picture, scene.name, t, n))
        rivals.look(picture, t, begun >= 0)
        if begun >= 0 and noticed is None and any(each.kind in ELSEWHERE for each in found):
            noticed = round(begun, 2)
    state = judge.view(scene.name)
    belongs = polygons_over(MASKS, _in_fractions(TURNS[how](width, height), width, height), height, width)
    before = polygons_over(MASKS, np.eye(3), height, width)
    black = before | grown(MASKS, state, height, width)
    return Turned(scene.name, how, learnt, noticed, _share(belongs, black), _share(belongs, before), float(black.mean()), rivals.scores())


def stay(scene: SceneClip, under: str) -> Unmoved:
    """A camera that stays where it is, for 20 s with something that troubles it ("": nothing)."""
    judge, frames, rivals = detectors.load("camera-health"), scene.play(), Rivals()
    height, width = (round(VIEW * side) for side in scene.frames[0].shape[:2])
    trouble = nuisances.make(under, (height, width)) if under else lambda image, t: image
    alarms, before = 0, False
    for n in range(round((LEARN_S + UNMOVED_S) * FPS)):
        begun = n / FPS - LEARN_S
        picture = seen(next(frames), np.eye(3), width, height)
        picture = trouble(picture, begun) if begun >= 0 else picture
        now = any(each.kind in ELSEWHERE for each in judge.step(Frame(picture, scene.name, n / FPS, n)))
        alarms, before = alarms + (now and not before), now
        rivals.look(picture, n / FPS, begun >= 0)
    return Unmoved(scene.name, under or "plain", alarms, LEARN_S + UNMOVED_S, rivals.scores())


def seen(frame: np.ndarray, turned: np.ndarray, width: int, height: int) -> np.ndarray:
    """What a camera sees of a frame whose middle it looks at, after `turned` (3, 3, in its pixels)."""
    middle = np.array([[1, 0, -(frame.shape[1] - width) / 2], [0, 1, -(frame.shape[0] - height) / 2], [0, 0, 1.0]])
    return cv2.warpPerspective(frame, turned @ middle, (width, height), borderMode=cv2.BORDER_REFLECT)


class Rivals:
    """Two plain ways to notice a turned camera, each comparing with a frame of the first seconds: how unlike the histograms of grey are, and ECC's shift."""

    def __init__(self) -> None:
        self._first: np.ndarray | None = None
        self._checked, self._scores = float("-inf"), {"histogram": [], "ecc": []}

    def look(self, picture: np.ndarray, t: float, scored: bool) -> None:
        """Once a second."""
        if t - self._checked < 1.0:
            return
        self._checked = t
        grey = cv2.cvtColor(cv2.resize(picture, (RIVAL_SIDE, RIVAL_SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
        if self._first is None:
            self._first = grey
        if scored:
            here, there = (cv2.calcHist([each], [0], None, [32], [0, 256]) for each in (self._first, grey))
            self._scores["histogram"].append(float(cv2.compareHist(here, there, cv2.HISTCMP_BHATTACHARYYA)))
            self._scores["ecc"].append(_ecc(self._first, grey))

    def scores(self) -> dict[str, float]:
        """The median over time of each: a moment does not count."""
        return {name: float(np.median(each)) for name, each in self._scores.items()}


def _ecc(first: np.ndarray, now: np.ndarray) -> float:
    """How far the corners travel under the Euclidean transform that aligns both, of the width; 1 when none does."""
    warp = np.eye(2, 3, dtype=np.float32)
    try:
        _, warp = cv2.findTransformECC(first, now, warp, cv2.MOTION_EUCLIDEAN, (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 50, 1e-4), None, 5)
    except cv2.error:
        return 1.0
    corners = np.array([[0, 0], [RIVAL_SIDE, 0], [RIVAL_SIDE, RIVAL_SIDE], [0, RIVAL_SIDE]], float)
    return min(1.0, float(np.linalg.norm(corners @ warp[:, :2].T + warp[:, 2] - corners, axis=1).max()) / RIVAL_SIDE)


def _roll(degrees: float, zoom: float = 1.0) -> Callable[[int, int], np.ndarray]:
    return lambda width, height: np.vstack([cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom), [0, 0, 1]])


def _shift(x: float, y: float) -> Callable[[int, int], np.ndarray]:
    return lambda width, height: np.array([[1, 0, -x * width], [0, 1, -y * height], [0, 0, 1.0]])


def _yaw(degrees: float, field: float = 60.0) -> Callable[[int, int], np.ndarray]:
    """Turned to the side about its own axis, with a field of view of 60 degrees: what lies at the edges is stretched."""

    def turned(width: int, height: int) -> np.ndarray:
        focal, angle = width / 2 / np.tan(np.deg2rad(field / 2)), np.deg2rad(degrees)
        lens = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
        axis = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
        return lens @ axis @ np.linalg.inv(lens)

    return turned


TURNS: dict[str, Callable[[int, int], np.ndarray]] = {
    "rolled by 5 degrees": _roll(5),
    "turned by 5 degrees": _yaw(5),
    "panned by 10 %": _shift(0.1, 0),
    "tilted by 8 %": _shift(0, 0.08),
    "zoomed by 10 %": _roll(0, 1.1),
    "moved and rolled": lambda width, height: _shift(-0.06, 0.04)(width, height) @ _roll(-3)(width, height),
}


def _in_fractions(transform: np.ndarray, width: int, height: int) -> np.ndarray:
    scale = np.diag([float(width), float(height), 1.0])
    return np.linalg.inv(scale) @ transform @ scale


def _share(wanted: np.ndarray, black: np.ndarray) -> float:
    return float((wanted & black).sum() / max(1, wanted.sum()))


def _noticed(drawn: Sequence[Sequence[Turned]]) -> float:
    found = [each.noticed_s is not None and each.noticed_s <= WITHIN_S for row in drawn for each in row]
    return float(np.mean(found)) if found else float("nan")


def _median(seconds: Sequence[float | None]) -> float:
    found = [each for each in seconds if each is not None]
    return float(np.median(found)) if found else float("nan")


def _false_per_hour(drawn: Sequence[Sequence[Unmoved]]) -> float:
    return 3600 * sum(each.alarms for row in drawn for each in row) / sum(each.seconds for row in drawn for each in row)


def _with_rivals(turned: Sequence[Sequence[Turned]], unmoved: Sequence[Sequence[Unmoved]]) -> dict[str, Any]:
    """Thresholds from the first half of the scenes; what they give on the other half."""
    half = len(turned) // 2
    if not half:
        return {}
    rivals: dict[str, Any] = {}
    for name in ("histogram", "ecc"):
        limit = max(each.rivals[name] for row in unmoved[:half] for each in row)
        rivals[name] = {
            "noticed": interval(turned[half:], lambda drawn, name=name, limit=limit: float(np.mean([t.rivals[name] > limit for row in drawn for t in row]))),
            "unmoved_called_moved": interval(
                unmoved[half:], lambda drawn, name=name, limit=limit: float(np.mean([u.rivals[name] > limit for row in drawn for u in row]))
            ),
        }
    ours = {
        "noticed_within_10_s": interval(turned[half:], _noticed),
        "unmoved_called_moved": interval(unmoved[half:], lambda drawn: float(np.mean([each.alarms > 0 for row in drawn for each in row]))),
    }
    return {"rivals": rivals, "ours_on_those": ours}
