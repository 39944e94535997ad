"""What a camera's whole chain makes of nuisances: false alarms an hour by kind, on real places in which nothing happens."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import nuisances
from detectors.anomaly.calibration import Calibration, calibrate
from detectors.clips import FPS, SceneClip, empty_of, grained, read_scenes
from detectors.evaluate import Evaluation, evaluator, model_of
from detectors.metrics import interval
from detectors.rules.engine import Engine
from detectors.rules.scene import CameraRule, RuleFinding, SceneView, WatchedZone
from detectors.tracking import Tracker
from detectors.types import Frame

QUIET_S, SECONDS = 10.0, 40.0  # before the nuisance begins, and how long it lasts
WARM_UP = 120  # frames of the clip itself from which its normal movement is learnt
WHOLE = WatchedZone("whole", ((0, 0), (1, 0), (1, 1), (0, 1)))
RULES = ("person_in_zone", "loitering", "object_left", "anomaly", "camera_tampered")  # with a zone over the whole picture, all numbers as shipped
PLAIN = "nothing"  # the same without any nuisance: what the chain raises by itself
RIGHT = {  # what camera-health may well say of these: an alarm, but no false one
    "sprayed": {"sprayed", "half_covered", "greasy", "covered", "blurred", "view_lost"},
    "half_covered": {"half_covered", "sprayed", "greasy", "covered"},
    "greasy": {"greasy", "blurred"},
    "web": {"greasy"},
}


@dataclasses.dataclass(frozen=True, slots=True)
class NuisanceRun:
    """A nuisance on one scene: false alarms by kind of rule (of camera_tampered with its reason), seconds, and whether the right thing was said of the lens."""

    scene: str
    kind: str
    alarms: tuple[str, ...]
    seconds: float
    lens_named: bool


class Chain:
    """Detectors, tracker and rules as an agent puts them together (site_agents/pipeline.py), without faces."""

    def __init__(self, people: Any, calibration: Calibration) -> None:
        self.people, self.tracker = people, Tracker("fixed", FPS)
        self.anomaly, self.health = detectors.load("anomaly", calibration=calibration), detectors.load("camera-health")
        values = [CameraRule(kind, None if kind in ("anomaly", "camera_tampered") else WHOLE) for kind in RULES]
        self.engine = Engine(values)

    def step(self, frame: Frame) -> list[RuleFinding]:
        """The alarms of a frame."""
        health, objects = self.health.step(frame), self.people.detect([frame.image])[0]
        tracks, anomaly = self.tracker.update(frame, objects), self.anomaly.step(frame)
        height, width = frame.image.shape[:2]
        return self.engine.step(SceneView(frame.t, width, height, tuple(tracks), tuple(objects), anomaly, tuple(health)))


@evaluator("nuisance")
def evaluate_nuisance(folder: Path, *, kinds: Sequence[str] | None = None, seconds: float = SECONDS, **_: Any) -> Evaluation:
    """False alarms an hour by kind of nuisance and by rule; the intervals draw scenes again.

    Each scene's clip teaches the anomaly net what moves there; then the empty place (the clip's median, with a sensor's noise) is looked at through the
    nuisance: nobody is there, so every alarm is false, but for what is rightly said of a covered, sprayed or greasy lens (`lens_fault_named`).
    """
    scenes, skipped = read_scenes(folder)
    start, people, chosen = time.perf_counter(), detectors.load("people"), (PLAIN, *(kinds or nuisances.kinds()))
    runs = [_runs(scene, chosen, people, seconds) for scene in scenes]
    spent = time.perf_counter() - start
    metrics = {"false_alarms_per_hour": interval(runs, lambda drawn: per_hour([run for row in drawn for run in row if run.kind != PLAIN]))}
    for n, kind in enumerate(chosen):
        metrics[f"false_alarms_per_hour: {kind}"] = interval(runs, lambda drawn, n=n: per_hour([row[n] for row in drawn]))
    for n, kind in enumerate(chosen):
        if kind in RIGHT and kind != "web":
            metrics[f"lens_fault_named: {kind}"] = interval(runs, lambda drawn, n=n: float(np.mean([row[n].lens_named for row in drawn])))
    return Evaluation(
        n=round(len(scenes) * len(chosen) * (QUIET_S + seconds) * FPS),
        metrics=metrics,
        threshold={"value": None, "from": "every rule's numbers as shipped; a zone over the whole picture"},
        model=model_of("people"),
        inference_s=spent,
        skipped=skipped,
        extra={
            "by_rule": {kind: dict(Counter(alarm for row in runs for run in row if run.kind == kind for alarm in run.alarms)) for kind in chosen},
            "hours_each": round(sum(row[0].seconds for row in runs) / 3600, 4),
            "scenes": [scene.name for scene in scenes],
        },
    )


def per_hour(runs: Sequence[NuisanceRun]) -> float:
    """False alarms an hour."""
    hours = sum(run.seconds for run in runs) / 3600
    return sum(len(run.alarms) for run in runs) / hours if hours else float("nan")


def _runs(scene: SceneClip, kinds: Sequence[str], people: Any, seconds: float) -> list[NuisanceRun]:
    calibration, empty = _normal(scene), empty_of(scene)
    return [run_one(scene.name, empty, kind, Chain(people, calibration), seconds, seed=n) for n, kind in enumerate(kinds)]


def run_one(name: str, empty: np.ndarray, kind: str, chain: Chain, seconds: float, seed: int = 0) -> NuisanceRun:
    """An empty place for 10 s, then for `seconds` with a nuisance before it."""
    rng, alarms, lens_named = np.random.default_rng(seed), [], False
    trouble = (lambda image, t: image) if kind == PLAIN else nuisances.make(kind, empty.shape[:2], seed)
    for n in range(round((QUIET_S + seconds) * FPS)):
        t, picture = n / FPS - QUIET_S, grained(empty, rng)
        found = chain.step(Frame(trouble(picture, t) if t >= 0 else picture, name, n / FPS, n))
        for finding in found if t >= 0 else ():
            reason = str(finding.data.get("reason", ""))
            if reason in RIGHT.get(kind, ()):
                lens_named = True
            else:
                alarms.append(f"{finding.kind} ({reason})" if reason else finding.kind)
    return NuisanceRun(name, kind, tuple(alarms), seconds, lens_named)


def _normal(scene: SceneClip) -> Calibration:
    """What moves at this place: learnt from the clip as it is, people and all, played to and fro."""
    judge, frames = detectors.load("anomaly"), scene.play()
    maps = [judge.excess(Frame(next(frames), scene.name, n / FPS, n)) for n in range(WARM_UP)]
    return calibrate(np.stack([each for each in maps if each is not None]))
